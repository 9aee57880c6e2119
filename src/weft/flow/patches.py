"""patched: change the code of a workflow while runs of it go on."""

from __future__ import annotations

from weft.flow.ambient import running


def patched(patch: str, /) -> bool:
    """Tell whether this run takes the new way of a change in its workflow's code.

    True in a run that comes here for the first time, and from then on, in every replay; false in a run that had passed
    here before the change was made. The answer is remembered for the whole run at the first time of asking.

    Args:
        patch: names the change; it goes to disk.
    """
    taken: bool = running("patched()").patched(patch, deprecated=False)
    return taken


def deprecate_patch(patch: str, /) -> None:
    """Stand in for `patched` once no run takes the old way any more; remove it when the last such run has ended.

    Args:
        patch: the name that `patched` was given.
    """
    running("deprecate_patch()").patched(patch, deprecated=True)
