"""How a run that has ended says so."""

from __future__ import annotations

from weft.engine.execution.commands import RunEnded
from weft.engine.execution.entries import storable
from weft.engine.execution.loop import RunTask
from weft.engine.execution.paths import place_raised
from weft.errors import LimitExceeded, WeftError
from weft.flow.failures import fields_of
from weft.model.run import RunStatus


def ended_by(root: RunTask, *, why: str, limit: int) -> RunEnded:
    """Return the end of a run by that of its workflow.

    Args:
        root: the workflow's task, which is done.
        why: the reason for which it was cancelled, where it was; empty for none.
        limit: of its result, in bytes.
    """
    if root.cancelled():
        text = f"the run was cancelled: {why}" if why else "the run was cancelled"
        return RunEnded(RunStatus.CANCELLED, kind="CancelledError", text=text)
    error = root.exception()
    if error is None:
        result: bytes = root.result()
        if len(result) <= limit:
            return RunEnded(RunStatus.COMPLETED, result)
        error = LimitExceeded(f"the result has {len(result):,} bytes; the limit is {limit:,}")
    return failed_by(error, limit=limit)


def text_of(error: BaseException) -> str:
    """Return what an exception says, as text that can be stored: of bounded length, without lone surrogates."""
    try:
        text = error.what if isinstance(error, WeftError) else str(error)
    except Exception:  # noqa: BLE001 - the border to the user's __str__, which must not take the engine down
        text = "(its text cannot be shown)"
    return storable(text)


def failed_by(error: BaseException, *, limit: int) -> RunEnded:
    """Return the end of a run that failed by an exception, with its fields where it is a refusal within the limit."""
    data = fields_of(error, limit=limit)
    return RunEnded(RunStatus.FAILED, data, type(error).__name__, text_of(error), place_raised(error))
