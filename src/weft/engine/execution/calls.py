"""The calls of a run: issued, ended, abandoned, undone; and which cancellations must wait for them."""

from __future__ import annotations

import sys
from asyncio import current_task
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from weft.engine.execution.commands import CallAbandoned, CallIssued, Command
from weft.engine.execution.loop import RunFuture, RunLoop, RunTask
from weft.engine.execution.paths import UNDO, TaskPath, line_above
from weft.engine.execution.scopes import CallRecord, Scope
from weft.errors import EntryCorrupt, LimitExceeded, NotDone, OutcomeUnknown, ScopeClosed
from weft.model.call import Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.policy import Limits

# Looking a member up in its enum, or building a union for isinstance, takes longer than what is done with it.
_READ, _COMPENSATED, _IRREVERSIBLE = EffectKind.READ, EffectKind.COMPENSATED, EffectKind.IRREVERSIBLE
_NOTHING_HAPPENED = (Refused, NotDone)


class Owner(Protocol):
    """What the calls need of their execution."""

    @property
    def loop(self) -> RunLoop:
        """Return the run's loop."""
        ...

    @property
    def root_scope(self) -> Scope:
        """Return the scope of the run itself."""
        ...

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands of the step under way, by what they are about."""
        ...

    @property
    def entries(self) -> int:
        """Return how many entries were told before this one."""
        ...

    @property
    def limits(self) -> Limits:
        """Return the run's limits."""
        ...

    def check_payload(self, data: bytes, what: str) -> None:
        """Raise if a payload is over the limit."""
        ...


class CallFuture(RunFuture):
    """The wait for a call; cancelling the wait does not end the effect.

    Attributes:
        record: the call.
        calls: whom it is one of.
    """

    __slots__ = ("calls", "record")

    record: CallRecord
    calls: Calls

    __hash__ = RunFuture.__hash__

    def cancel(self, msg: Any | None = None) -> bool:
        """Stop waiting; the call itself is abandoned, or never was if it has not been committed."""
        if not self.done():
            self.calls.abandon(self.record)
        return super().cancel(msg)


class Calls:
    """Every call of one run that has no outcome yet, and the order of ends and issues.

    Attributes:
        pending: the calls without an outcome by path; only read from outside.
    """

    def __init__(self, owner: Owner, operations: Mapping[str, Operation]) -> None:
        self._owner = owner
        self._operations = operations
        self.pending: dict[str, CallRecord] = {}
        self._effects = 0
        self._tick = 0
        self.loop = owner.loop
        self.root_path = TaskPath()

    def __len__(self) -> int:
        return len(self.pending)

    def open(self) -> Iterable[CallRecord]:
        """Return the calls without an outcome."""
        return self.pending.values()

    def get(self, path: str) -> CallRecord | None:
        """Return the call of this path if it has no outcome yet."""
        return self.pending.get(path)

    def operation(self, target: str) -> Operation:
        """Return an operation of the System."""
        return self._operations[target]

    def open_effects(self) -> int:
        """Return how many effects have no outcome yet."""
        return self._effects

    def issue(self, operation: Operation, arguments: bytes) -> CallFuture:
        """Issue a call under the saga of the current task; its undo is registered before it is sent.

        Raises:
            ScopeClosed: the saga is unwinding, or the run is ending.
            LimitExceeded: too many calls are open, or the arguments are too large.
        """
        owner = self._owner
        loop = self.loop
        task: Any = current_task(loop)
        if type(task) is not RunTask:
            task = loop.current
            assert task is not None, "operations are awaited, and only tasks await"
        scope: Scope = task.scope or owner.root_scope
        if scope.merged:
            scope = scope.effective()
        if (scope.closed or scope.parent is not None) and scope.is_closed(owner.entries):
            what = f"{operation.target} was called under a saga that is unwinding; it was not sent"
            raise ScopeClosed(what, where=self.loop.line())
        limits = owner.limits
        if len(self.pending) >= limits.pending_calls:
            what = f"the run has {limits.pending_calls:,} calls without an outcome"
            raise LimitExceeded(what, remedy="use an asyncio.Semaphore around them", name="pending_calls")
        if len(arguments) > limits.payload_bytes:
            owner.check_payload(arguments, f"the arguments of {operation.target}")
        path = task.path.next(operation.target)
        record = self._record(path, operation, arguments, scope=scope)
        record.task = task
        undo = f"{operation.service}.{operation.undo}" if operation.undo else ""
        # From the caller of the verb that asks for the call: what stands between is weft's own.
        line = line_above(sys._getframe(3)) or task.line  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as in paths
        owner.commands[f"call {path}"] = CallIssued(path, operation.target, arguments, undo, "", line)
        if scope.parent is not None:
            if record.undoable:
                scope.records.append(record)
            if operation.kind is _IRREVERSIBLE:
                scope.pivots.append(record)
        return self._future(record)

    def _future(self, record: CallRecord) -> CallFuture:
        future = record.future = CallFuture(loop=self.loop)
        future.record = record
        future.calls = self
        return future

    def _record(self, path: str, operation: Operation, arguments: bytes, *, scope: Scope) -> CallRecord:
        self._tick += 1
        kind = operation.kind
        record = CallRecord(
            path,
            operation,
            arguments,
            scope,
            self._tick,
            self._owner.entries,
            self.loop.now_ms,
            kind is _COMPENSATED,
        )
        self.pending[path] = record
        if kind is not _READ:
            self._effects += 1
            scope.open += 1
        return record

    def issue_undo(self, undone: CallRecord) -> CallFuture:
        """Issue the undo of a call, with the bytes that were recorded for the call."""
        operation = self._operations[f"{undone.operation.service}.{undone.operation.undo}"]
        record = self._record(undone.path + UNDO, operation, undone.arguments, scope=self._owner.root_scope)
        record.undoes = undone.path
        record.epoch = undone.epoch
        record.issued_ms = undone.issued_ms
        record.undoable = False
        command = CallIssued(record.path, operation.target, record.arguments, "", undone.path, "")
        self._owner.commands[f"call {record.path}"] = command
        return self._future(record)

    def end(self, path: str, outcome: Outcome) -> None:
        """Give a call its outcome: book it in its saga, and wake whoever waits.

        Raises:
            EntryCorrupt: there is no such call.
        """
        record = self.pending.pop(path, None)
        if record is None:
            what = f"call {path} ended, and the run has no such call open"
            raise EntryCorrupt(what)
        self._tick += 1
        record.ended = self._tick
        if type(outcome) is not Reply and isinstance(outcome, _NOTHING_HAPPENED):
            record.undoable = False
            self._unpin(record)
        if record.operation.kind is not _READ:
            self._close(record)
        future, record.future = record.future, None
        if future is not None and not future.done():
            future.set_result(outcome)
        if record.operation.kind is _IRREVERSIBLE:
            for task in self.loop.tasks:
                if task.held:
                    # After the task has taken the reply: a cancellation held back strikes at its next await.
                    self.loop.call_soon(task.release)

    def skip(self, path: str, reply: bytes | None, *, arrived: bool) -> None:
        """End a call as an operator decided: done for an undo, replied with what was given, else given up.

        What was given up is unknown, and keeps its undo, where an attempt may have arrived; else it was not done.
        """
        record = self.pending.get(path)
        if record is not None and record.undoes:
            self.end(path, Reply(b"null"))
        elif reply is not None:
            self.end(path, Reply(reply))
        elif arrived:
            what = f"{path} was skipped by an operator, and an attempt may have been done"
            self.end(path, OutcomeUnknown(what, reason="skipped"))
        else:
            self.end(path, NotDone(f"{path} was skipped by an operator", reason="skipped"))

    def _close(self, record: CallRecord) -> None:
        self._effects -= 1
        scope = record.scope
        if scope.merged:
            scope = scope.effective()
        scope.open -= 1
        if scope.resting is not None:
            scope.changed()

    def _unpin(self, record: CallRecord) -> None:
        pivots = record.scope.effective().pivots
        if record in pivots:
            pivots.remove(record)

    def abandon(self, record: CallRecord) -> None:
        """Stop waiting for a call: within its own step it never was, later its outcome is still awaited by its saga."""
        if self.loop.dead:
            return
        if record.entry == self._owner.entries:
            del self.pending[record.path]
            del self._owner.commands[f"call {record.path}"]
            record.undoable = False
            self._unpin(record)
            if record.operation.kind is not _READ:
                self._close(record)
            return
        record.abandoned = True
        over = record.operation.kind is _READ
        self._owner.commands[f"abandon {record.path}"] = CallAbandoned(record.path, self.loop.line(), over)
        if over:
            self.pending.pop(record.path, None)

    def adopt(self, command: Command) -> None:
        """Take over the recorded bytes of a call: they are what is sent and what is given to the undo."""
        if isinstance(command, CallIssued):
            record = self.pending.get(command.path)
            if record is not None:
                record.arguments = command.arguments

    def holds_cancellation(self, task: RunTask, origin: Scope | None) -> bool:
        """Tell whether a cancellation of the task must wait that came from this saga.

        It waits while the task awaits an irreversible call that was sent; and where it comes from outside a saga
        under which an irreversible call was sent, until that saga is left.
        """
        waiter: Any = task._fut_waiter  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]  # noqa: SLF001
        if isinstance(waiter, CallFuture) and self._is_sent_pivot(waiter.record):
            return True
        pivot = None if task.scope is None else task.scope.outermost_pivot(self._owner.entries)
        if pivot is None:
            return False
        return origin is None or not origin.effective().within(pivot)

    def _is_sent_pivot(self, record: CallRecord) -> bool:
        return record.operation.kind is EffectKind.IRREVERSIBLE and record.entry != self._owner.entries

    def clear(self) -> None:
        """Break the cycles between futures, records and scopes."""
        for record in self.pending.values():
            record.future = None
            record.task = None
        self.pending.clear()
        del self._owner
