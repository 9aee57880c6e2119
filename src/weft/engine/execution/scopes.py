"""Sagas: what was done under each scope, and how it is undone when an error leaves it."""

from __future__ import annotations

import heapq
from typing import Any, Protocol

import msgspec

from weft.engine.execution.eviction import RunEvicted
from weft.engine.execution.loop import RunFuture, RunLoop, RunTask
from weft.engine.execution.paths import TaskPath
from weft.model.operation import Operation

OPEN = 1 << 62
"""The tick at which a call ends that has not ended."""


class CallRecord(msgspec.Struct, eq=False):
    """One call of the run.

    Attributes:
        issued: tick of its issue; `ended`: tick of its outcome.
        issued_ms: time of its issue; an undo's is that of the call which it undoes.
        entry: the entry during whose drain it was issued.
        abandoned: nobody waits for it any more.
        undoable: its effect stands, or may stand, and has an undo.
        epoch: the epoch in which it was made, where the run was reset since; else below zero.
    """

    path: str
    operation: Operation
    arguments: bytes
    scope: Scope
    issued: int
    entry: int
    issued_ms: int
    undoable: bool
    ended: int = OPEN
    abandoned: bool = False
    undoes: str = ""
    future: RunFuture | None = None
    task: RunTask | None = None
    epoch: int = -1


class Undoer(Protocol):
    """Issue the undo of a call."""

    def issue_undo(self, record: CallRecord) -> RunFuture:
        """Return a future that is done once the undo has succeeded or was skipped."""
        ...


class Scope:
    """A saga, or the run itself: the root scope, which nothing undoes.

    Attributes:
        closed: it is unwinding, or the run is ending; calls under it are refused.
        merged: it ended well; its work belongs to `parent` now.
        resting: what whoever waits for it to come to rest waits for.
        pivots: irreversible calls issued under it and not refused: with one sent, it can only go forward.
    """

    __slots__ = ("_loop", "_undoer", "closed", "merged", "open", "owner", "parent", "pivots", "records", "resting")

    def __init__(self, loop: RunLoop, undoer: Undoer, *, parent: Scope | None, owner: RunTask | None) -> None:
        self._loop = loop
        self._undoer = undoer
        self.resting: RunFuture | None = None
        self.parent = parent
        self.owner = owner
        self.records: list[CallRecord] = []
        self.open = 0
        self.closed = False
        self.merged = False
        self.pivots: list[CallRecord] = []

    def forget(self) -> None:
        """Drop what the scope knows: the run leaves memory."""
        self._undoer = _NOBODY
        self.resting = None
        self.records = []

    def within(self, other: Scope) -> bool:
        """Tell whether this is the other scope or lies inside it."""
        scope: Scope | None = self
        while scope is not None:
            if scope is other:
                return True
            scope = scope.parent
        return False

    def can_only_go_forward(self, entry: int) -> bool:
        """Tell whether an irreversible call was sent under this saga, in an entry before this one."""
        if self.merged or self.closed or self.parent is None:
            return False
        return any(record.entry != entry for record in self.pivots)

    def is_closed(self, entry: int) -> bool:
        """Tell whether calls here are refused: this scope or one around it is closed.

        A saga that can only go forward is let go forward under a closed one: it holds the cancellation back until it
        is left, and refusing its calls would make it take back what cannot be taken back.
        """
        scope: Scope | None = self
        while scope is not None:
            if scope.closed:
                return True
            if scope.pivots and scope.can_only_go_forward(entry):
                return False
            scope = scope.parent
        return False

    def effective(self) -> Scope:
        """Return the scope that calls of a task here belong to: merged scopes have handed over."""
        scope = self
        while scope.merged and scope.parent is not None:
            scope = scope.parent
        return scope

    def outermost_pivot(self, entry: int) -> Scope | None:
        """Return the outermost saga around here that can only go forward."""
        found = None
        scope: Scope | None = self
        while scope is not None:
            if scope.can_only_go_forward(entry):
                found = scope
            scope = scope.parent
        return found

    def changed(self) -> None:
        """Wake whoever waits for the scope to come to rest."""
        if self.resting is not None and not self.resting.done():
            self.resting.set_result(None)

    def unfinished_tasks(self) -> list[RunTask]:
        """Return the tasks under this scope that still run, but for its owner."""
        return [
            task
            for task in self._loop.tasks
            if task is not self.owner and task.scope is not None and not task.done() and task.scope.within(self)
        ]

    async def at_rest(self, *, tasks: bool) -> None:
        """Wait until every call under this scope has its outcome and, if asked, every task has ended."""
        watched: set[RunTask] = set()
        while True:
            waiting = self.unfinished_tasks() if tasks else []
            if not self.open and not waiting:
                return
            self.resting = self._loop.create_future()
            for task in waiting:
                if task not in watched:
                    watched.add(task)
                    task.add_done_callback(lambda _: self.changed())
            await self.resting

    async def leave(self, error: BaseException | None) -> None:
        """Close the scope, as SEMANTICS.md 7 to 9 say; an error that leaves it goes on after the undos."""
        if isinstance(error, RunEvicted | GeneratorExit):
            if not self._loop.dead:
                # A generator was closed half way, which is no failure: what it did belongs to the saga around it.
                self._hand_over()
            return
        if self._loop.dead:
            raise RunEvicted
        task = self._loop.current
        if task is None or task is not self.owner or task.scope.effective() is not self:
            message = "a saga is left in the task that entered it, innermost first"
            raise RuntimeError(message)
        cancelled: BaseException | None = None
        if error is None:
            cancelled = await self._rest_or_cancelled()
        if error is None and cancelled is None:
            self._hand_over()
        else:
            await self._unwind(task)
        task.scope = self.parent
        if cancelled is not None:
            raise cancelled
        await self._deliver_held(task)

    async def _rest_or_cancelled(self) -> BaseException | None:
        try:
            await self.at_rest(tasks=False)
        except RunEvicted:
            raise
        except BaseException as error:  # noqa: BLE001 - a cancellation while leaving is an exit by exception
            return error
        return None

    def _hand_over(self) -> None:
        self.merged = True
        # The saga around may itself have been left already, with this one going on in a task of its own.
        heir = self.effective()
        heir.open += self.open
        if heir.parent is not None:
            heir.records.extend(self.records)
            heir.pivots.extend(self.pivots)
        self.records = []

    async def _unwind(self, task: RunTask) -> None:
        self.closed = True
        # A task of its own: a timeout around the saga cancels the owner, which holds it back, and never reaches this.
        core = RunTask(self._undo_all(), loop=self._loop, path=TaskPath("core/"), context=None)
        # What it cancels, it cancels from outside of this saga and from inside of the ones around it.
        core.scope = self.parent
        core.unreachable = True
        self._loop.tasks.append(core)
        reachable_after, task.unreachable = task.unreachable, True
        try:
            await core
        finally:
            task.unreachable = reachable_after

    async def _deliver_held(self, task: RunTask) -> None:
        if self.pivots:
            for other in self._loop.tasks:
                if other.held and other is not task:
                    other.release()
        if task.held and task.release():
            await _next_step()

    async def _undo_all(self) -> None:
        for task in self.unfinished_tasks():
            task.cancel()
        await self.at_rest(tasks=True)
        await self.undo(self.records)
        self.records = []

    async def undo(self, records: list[CallRecord]) -> None:
        """Undo each call after every undo of a call that was issued after its end; others run together."""
        todo = [record for record in records if record.undoable]
        latest = [(-record.issued, record.path, record) for record in todo]
        heapq.heapify(latest)
        waiting = sorted(todo, key=lambda record: (record.ended, record.path))
        running: dict[RunFuture, CallRecord] = {}
        undone: set[str] = set()
        while waiting or running:
            while latest and latest[0][2].path in undone:
                heapq.heappop(latest)
            newest = -latest[0][0] if latest else -1
            while waiting and waiting[-1].ended > newest:
                record = waiting.pop()
                running[self._undoer.issue_undo(record)] = record
            await self._first_of(list(running))
            for future in [future for future in running if future.done()]:
                undone.add(running.pop(future).path)

    async def _first_of(self, futures: list[RunFuture]) -> None:
        woken = self._loop.create_future()

        def wake(_: Any) -> None:
            if not woken.done():
                woken.set_result(None)

        for future in futures:
            future.add_done_callback(wake)
        await woken
        for future in futures:
            future.remove_done_callback(wake)


class _Yield:
    """An await that gives the loop one turn."""

    def __await__(self) -> Any:
        yield


async def _next_step() -> None:
    await _Yield()


class _Nobody:
    """Undoes nothing: what the scopes of a run that has left memory refer to."""

    def issue_undo(self, record: CallRecord) -> RunFuture:
        """Refuse: no code of the run executes any more."""
        raise RunEvicted(record.path)


_NOBODY = _Nobody()
