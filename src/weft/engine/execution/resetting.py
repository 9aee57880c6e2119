"""A reset inside an execution: effects after the cut are taken back, and only then the run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from weft.engine.execution.calls import Calls
from weft.engine.execution.entries import Ended, Entry, Reset, Skipped, TimerFired, Undoing, decode_entry
from weft.engine.execution.handles import RunTimer
from weft.engine.execution.loop import RunFuture, RunLoop, RunTask
from weft.engine.execution.paths import TaskPath
from weft.engine.execution.scopes import OPEN, CallRecord, Scope
from weft.model.operation import Operation


class Owner(Protocol):
    """What a reset needs of its execution."""

    @property
    def loop(self) -> RunLoop:
        """Return the run's loop."""
        ...

    @property
    def calls(self) -> Calls:
        """Return the run's calls."""
        ...

    def issue_undo(self, record: Any) -> RunFuture:
        """Issue the undo of a call."""
        ...


class Resetting:
    """The undos of a reset, and what the run is told once they are done.

    Attributes:
        kept: the entry from which the run goes on, and what came while undos were under way: messages, a cancellation,
            timers of before the cut.
    """

    __slots__ = ("_core", "kept")

    def __init__(self, owner: Owner, reset: Reset, *, was: int) -> None:
        """Begin to take back; `was` is the epoch before."""
        _keep_ids(owner, epoch=was)
        self.kept: list[Entry | RunTimer] = [decode_entry(reset.told)]
        self._core: RunTask | None = None
        if reset.undos:
            scope = Scope(owner.loop, owner, parent=None, owner=None)
            records = [_record(each, owner.calls.operation(each.target), scope) for each in reset.undos]
            # As when a saga unwinds: a task that nothing can reach.
            core = RunTask(scope.undo(records), loop=owner.loop, path=TaskPath("core/"), context=None)
            core.unreachable = True
            owner.loop.tasks.append(core)
            self._core = core

    @property
    def is_over(self) -> bool:
        """Tell whether every undo has succeeded, or was skipped."""
        return self._core is None or self._core.done()

    def keeps(self, entry: Entry, timers: dict[str, RunTimer]) -> bool:
        """Keep an entry until the undos are done; theirs are told at once."""
        if isinstance(entry, Ended | Skipped | Reset):
            return False
        # A timer that has fired is not set again when the run is loaded.
        timer = timers.pop(entry.path, None) if isinstance(entry, TimerFired) else None
        self.kept.append(timer or entry)
        return True


def cut_path(undoing: Undoing) -> str:
    """Return the path in this epoch of a call that was made in an epoch before."""
    return f"~{undoing.epoch}/{undoing.path}"


def _record(undoing: Undoing, operation: Operation, scope: Scope) -> CallRecord:
    # Entries order the undos as ticks order those of a saga: what answers an entry comes after it.
    record = CallRecord(
        cut_path(undoing),
        operation,
        undoing.arguments,
        scope,
        2 * undoing.issued + 1,
        -1,
        undoing.issued_ms,
        undoable=True,
    )
    record.ended = OPEN if undoing.ended is None else 2 * undoing.ended
    record.epoch = undoing.epoch
    return record


def _keep_ids(owner: Owner, *, epoch: int) -> None:
    """Let every call of before the cut keep the id under which it was made, and its undo the one that belongs to it."""
    for record in _records(owner):
        if record.epoch < 0:
            record.epoch = epoch


def _records(owner: Owner) -> Iterable[CallRecord]:
    yield from owner.calls.open()
    for task in owner.loop.tasks:
        scope = task.scope
        while scope is not None:
            yield from scope.records
            scope = scope.parent


def undoes_as_recorded(operations: Mapping[str, Operation], target: str, undo: str) -> bool:
    """Tell whether today's code undoes an operation by the one that was recorded."""
    operation = operations.get(target)
    return operation is not None and f"{operation.service}.{operation.undo}" == undo and undo in operations
