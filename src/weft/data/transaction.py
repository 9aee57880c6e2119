"""Transactions of services: a block of statements, on its own or together with the outcome of a call."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, suppress
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Any, NoReturn, Self

from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError

from weft.clock import Clock
from weft.data.barrier import OPERATION, UNDO, Barrier, role_of
from weft.data.connection import storage_failure
from weft.data.sharing import WriteSlot
from weft.data.statements import AnyRow, Parameters, Result, run
from weft.errors import CallFailed, NotDone, TransactionMisused
from weft.flow.ambient import AlreadySettled, CurrentCall
from weft.model.call import Outcome, Refused, Reply

BREATH_S = 0.01
"""After this long a block lets the loop's other tasks run before it goes on."""

OUTLIVED = (
    "await every task inside the operation that began it; let one that goes on alone work in a context of its own "
    "(`create_task(..., context=Context())`), where it makes transactions for itself"
)
"""What to do about a task that outlives its operation."""


class Stage(Enum):
    """How far a transaction has come."""

    NEW = "new"
    OPEN = "open"  # the turn is held, or the snapshot
    LEFT = "left"  # the block is over, the turn is still held
    GONE = "gone"  # committed, handed over to the shared commit, or rolled back whole


class Transaction(AbstractAsyncContextManager["Transaction"], ABC):
    """A block in which statements see one state of the database; made by `Database.transaction`."""

    def __init__(self) -> None:
        self._stage = Stage.NEW
        self._breathed = monotonic()

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Result:
        """Execute a statement; a list of parameters executes it once for each of them.

        Raises:
            TransactionMisused: The block is over, or may not do this.
            sqlalchemy.exc.IntegrityError: A constraint was broken; the block may go on.
        """
        if self._stage is not Stage.OPEN:
            raise TransactionMisused("a statement outside the block of its transaction")
        result = self._run(statement, parameters)
        if monotonic() - self._breathed > BREATH_S:
            # Statements run on the loop and never give way: a block of a thousand would stop everybody else.
            await asyncio.sleep(0)
            self._breathed = monotonic()
        return result

    async def rows(self, statement: Executable, parameters: Parameters = None) -> list[AnyRow]:
        """Execute a query and return its rows."""
        return (await self.execute(statement, parameters)).rows

    async def first(self, statement: Executable, parameters: Parameters = None) -> AnyRow | None:
        """Execute a query and return its first row, or nothing."""
        return (await self.execute(statement, parameters)).first()

    async def scalar(self, statement: Executable, parameters: Parameters = None) -> Any:
        """Execute a query and return the first column of its first row, or nothing."""
        return (await self.execute(statement, parameters)).scalar()

    async def __aenter__(self) -> Self:
        if self._stage is not Stage.NEW:
            raise TransactionMisused("a transaction is entered once; ask the database for another")
        await self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit(failed=kind is not None)

    @abstractmethod
    def _run(self, statement: Executable, parameters: Parameters) -> Result: ...

    @abstractmethod
    async def _enter(self) -> None: ...

    @abstractmethod
    async def _exit(self, *, failed: bool) -> None: ...


class WritingTransaction(Transaction):
    """A transaction outside any call: it holds the write slot for its block, and leaving the block commits it."""

    def __init__(self, slot: WriteSlot) -> None:
        super().__init__()
        self._slot = slot
        self._raw = slot.link.raw
        self._lost: CallFailed | None = None

    async def _enter(self) -> None:
        await self._slot.take()
        self._stage = Stage.OPEN
        self._control("SAVEPOINT weft_call")
        if self._lost is not None:
            self._give_up()
            raise self._lost

    async def _exit(self, *, failed: bool) -> None:
        if failed:
            self._give_up()
        else:
            await self._commit()

    def _run(self, statement: Executable, parameters: Parameters) -> Result:
        if self._lost is not None:
            raise self._lost
        try:
            result = run(self._slot.link, statement, parameters)
        except DBAPIError as error:
            self._notice(error)
            raise
        if not self._raw.in_transaction:
            self._lose(TransactionMisused("a statement ended the transaction that others share"), certain=False)
        return result

    def _notice(self, error: BaseException) -> None:
        """See whether an error was the end of more than its statement."""
        if not self._raw.in_transaction:
            # A full disk, for one, ends the whole transaction, and with it all that were to share its commit.
            self._lose(error)

    def _lose(self, error: BaseException, *, certain: bool = True) -> None:
        self._lost = storage_failure(error, self._slot.link.path, committing=not certain)
        self._lost.__cause__ = error
        self._slot.fail_group(error, committing=not certain)

    def _control(self, statement: str) -> None:
        """Execute a statement about savepoints; where it fails, everything is rolled back and `_lost` says so."""
        if self._lost is None:
            try:
                self._raw.execute(statement)
            except sqlite3.Error as error:
                self._lose(error)

    def _give_up(self) -> None:
        """Roll back and pass the turn on; it does not wait, so no cancellation can come between."""
        if self._stage in {Stage.NEW, Stage.GONE}:
            return
        self._stage = Stage.GONE
        self._control("ROLLBACK TO weft_call")
        self._control("RELEASE weft_call")
        self._slot.leave()

    async def _commit(self) -> None:
        """Hand over to the shared commit and wait for it."""
        self._control("RELEASE weft_call")
        self._stage = Stage.GONE
        if self._lost is not None:
            self._slot.leave()
            raise self._lost
        await self._slot.join()


class JoinedTransaction(WritingTransaction):
    """A transaction that commits together with the outcome of its call: a `Participant`.

    Two savepoints: the inner one holds the effect, which a refusal rolls back; the outer one holds the barrier's row as
    well, which a failure rolls back. Both stay open, and the turn is kept, until the outcome is known.
    """

    def __init__(self, slot: WriteSlot, current: CurrentCall, clock: Clock) -> None:
        super().__init__(slot)
        self._current = current
        self._call = current.call
        self._clock = clock
        self._barrier = Barrier(self._raw)
        self._task: asyncio.Task[Any] | None = None

    async def _enter(self) -> None:
        if self._current.over:
            raise self._too_late()
        if self._current.participant is not None:
            raise TransactionMisused(f"{self._call.target} opens a second transaction in one call")
        self._current.participant = self
        await super()._enter()
        if self._current.over:
            # It ended while this waited for the turn, and nobody is left who would give the turn back.
            self._give_up()
            raise self._too_late()
        try:
            settled = self._barrier.admit(self._call)
        except sqlite3.Error as error:
            self._fail(error)
        except BaseException:
            self._give_up()
            raise
        if settled is not None:
            await self._leave_settled(settled)
        self._control("SAVEPOINT weft_effect")
        if self._lost is not None:
            self._give_up()
            raise self._lost
        self._task = asyncio.current_task()
        if self._task is not None:
            self._task.add_done_callback(self._forsaken_by)

    def _too_late(self) -> TransactionMisused:
        what = f"a transaction for a call of {self._call.target} that has ended: it has no outcome left to commit with"
        return TransactionMisused(what, where=self._current.operation.where, remedy=OUTLIVED)

    async def _leave_settled(self, outcome: Outcome) -> NoReturn:
        if role_of(self._call) == UNDO or self._slot.shows_uncommitted:
            # What the answer rests on, the first delivery's commit or a row written just now, is not on disk yet.
            await self._commit()
        else:
            self._give_up()
        raise AlreadySettled(outcome)

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        self._notice(error)
        self._give_up()
        raise storage_failure(error, self._slot.link.path) from error

    async def _exit(self, *, failed: bool) -> None:
        if self._stage is Stage.OPEN:
            self._stage = Stage.LEFT
            if failed:
                self._control("ROLLBACK TO weft_effect")

    async def finish(self, outcome: Outcome) -> None:
        """Store the outcome beside the effect and commit both; returns once they are on disk.

        A refusal rolls the effect back and is stored. Not so that of an undo: a later attempt has to succeed. Once the
        commit has begun, a cancellation is passed over: the caller hears what came of it.

        Raises:
            NotDone: Nothing happened.
            TransactionMisused: The block is still open, in a task that the operation did not wait for.
            OutcomeUnknown: The disk failed in the one moment where nobody can tell.
        """
        if self._stage is Stage.OPEN:
            self._give_up()
            what = f"{self._call.target} ended while a task that it began was inside its transaction"
            raise TransactionMisused(what, where=self._current.operation.where, remedy=OUTLIVED)
        if self._stage in {Stage.NEW, Stage.GONE}:
            raise NotDone(
                f"the transaction of {self._call.target} was rolled back before its outcome", reason="storage"
            )
        if isinstance(outcome, Refused) and role_of(self._call) == OPERATION:
            self._control("ROLLBACK TO weft_effect")
        elif not isinstance(outcome, Reply):
            self._give_up()
            return
        if self._lost is None:
            try:
                self._barrier.settle(self._call, outcome, at_ms=self._clock.now_ms())
            except sqlite3.Error as error:
                self._fail(error)
        await self._commit()

    async def abandon(self) -> None:
        """Roll everything back; harmless when all is over."""
        self._give_up()

    def _forsaken_by(self, task: asyncio.Task[Any]) -> None:
        # A net below the dispatcher: a task that was cancelled has no outcome, and must not take the turn with it.
        if task.cancelled():
            self._give_up()

    def _give_up(self) -> None:
        self._unwatch()
        super()._give_up()

    async def _commit(self) -> None:
        self._unwatch()
        with suppress(asyncio.CancelledError):  # told after the end of the commit, which went well: that is the truth
            await super()._commit()

    def _unwatch(self) -> None:
        if self._task is not None:
            self._task.remove_done_callback(self._forsaken_by)
            self._task = None
