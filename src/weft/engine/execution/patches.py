"""Patches of a workflow's code: which of them a run goes by, remembered at the first time of asking."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
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

    __slots__ = ("_owner", "_recorded", "_taken")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._taken: dict[str, bool] = {}
        self._recorded: dict[str, PatchTaken] | None = None

    @contextmanager
    def replaying(self, recorded: Sequence[Command]) -> Generator[None]:
        """Answer as an entry was answered when its commands were recorded."""
        self._recorded = {command.id: command for command in recorded if isinstance(command, PatchTaken)}
        try:
            yield
        finally:
            self._recorded = None

    def taken(self, patch: str, *, deprecated: bool) -> bool:
        """Tell whether the run goes by a patch; what is true becomes a command."""
        known = self._taken.get(patch)
        if known is not None:
            return known
        was = None if self._recorded is None else self._recorded.get(patch)
        taken = self._taken[patch] = self._recorded is None or was is not None
        if taken:
            kept = deprecated if was is None else was.deprecated
            self._owner.commands[f"patch {patch}"] = PatchTaken(patch, kept, self._owner.loop.line())
        return taken
