"""Patches of a workflow's code: which of them a run goes by, remembered at the first time of asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from weft.engine.execution.commands import Command, PatchTaken
from weft.engine.execution.loop import RunLoop


class Owner(Protocol):
    """What patches need of their execution."""

    @property
    def loop(self) -> RunLoop:
        """Return the run's loop."""
        ...

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands of the step under way."""
        ...


class Patches:
    """Temporal's rule: true where the code is executed for the first time, false in a replay without an entry."""

    __slots__ = ("_owner", "_taken")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._taken: dict[str, bool] = {}

    def taken(self, patch: str, *, deprecated: bool, recorded: Sequence[Command] | None) -> bool:
        """Tell whether the run goes by a patch; what is true becomes a command.

        In a replay it is answered as it was when the commands of the entry were `recorded`.
        """
        known = self._taken.get(patch)
        if known is not None:
            return known
        was = _find(patch, recorded or ())
        taken = self._taken[patch] = recorded is None or was is not None
        if taken:
            kept = deprecated if was is None else was.deprecated
            self._owner.commands[f"patch {patch}"] = PatchTaken(patch, kept, self._owner.loop.line())
        return taken


def _find(patch: str, recorded: Sequence[Command]) -> PatchTaken | None:
    found = (command for command in recorded if isinstance(command, PatchTaken) and command.id == patch)
    return next(found, None)
