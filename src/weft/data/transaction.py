"""Transactions of services: a block of statements, on its own or together with the outcome of a call."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar, Unpack

from sqlalchemy import Executable

from weft.data.barrier import OPERATION, UNDO, admit, role_of, settle
from weft.data.port import AnyRow, Parameters, Result, Steps, Unit, View
from weft.data.poster import Poster
from weft.errors import NotDone, TransactionMisused
from weft.flow.ambient import AlreadySettled, CurrentCall, Overtaken
from weft.flow.posting import send_request, start_request
from weft.flow.runs import Run, StartOptions
from weft.model.call import Outcome, Refused, Reply
from weft.model.message import Signal
from weft.model.workflow import Workflow

Input = TypeVar("Input")

BREATH_S = 0.01
"""After this long a block lets the loop's other tasks run before it goes on."""

ENTRIES = 20
"""How often a call's transaction is begun again at the barrier before its operation is begun again as a whole."""

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

    async def start(
        self,
        workflow: Workflow[Input, Any],
        input: Input,  # noqa: A002 - the model's words
        /,
        *,
        id: str,  # noqa: A002
        within: timedelta | None = None,
        **options: Unpack[StartOptions],
    ) -> None:
        """Start a run with the commit of this transaction: if it is committed the run starts, once; else never.

        It returns as soon as that is written down beside the effect. Where the id is taken by a run with another input
        nobody is there to be told: the request stays in the outbox as refused, and the log says so.

        Args:
            workflow: of which.
            input: what it is given.
            id: unique within its workflow.
            within: how long it may take; see `Runs.start`.
            options: for whom it works and when its turn comes; see StartOptions.

        Raises:
            ValueCannotTravel: The input is not of the declared type.
            TransactionMisused: The block is over, or only reads.
        """
        poster = self._poster()
        request = start_request(
            workflow, input, run_id=id, within=within, options=options, now_ms=poster.clock.now_ms()
        )
        await poster.post(request)

    async def send(self, run: Run[Any], signal: Signal) -> None:
        """Tell a run a signal with the commit of this transaction, once; never where it is not committed.

        What one transaction asks for leaves in order, and so does what is meant for one run.

        Raises:
            TransactionMisused: The block is over, or only reads.
        """
        await self._poster().post(send_request(run, signal))

    def _poster(self) -> Poster:
        if self._stage is not Stage.OPEN:
            raise TransactionMisused("a request about a run outside the block of its transaction")
        raise TransactionMisused("a request about a run in a transaction that only reads: nothing is committed by it")

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Result:
        """Execute a statement; a list of parameters executes it once for each of them.

        Raises:
            TransactionMisused: The block is over, or may not do this.
            sqlalchemy.exc.IntegrityError: A constraint was broken; the block may go on.
        """
        if self._stage is not Stage.OPEN:
            raise TransactionMisused("a statement outside the block of its transaction")
        result = await self._run(statement, parameters)
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
    async def _run(self, statement: Executable, parameters: Parameters) -> Result: ...

    @abstractmethod
    async def _enter(self) -> None: ...

    @abstractmethod
    async def _exit(self, *, failed: bool) -> None: ...


class ReadingTransaction(Transaction):
    """A transaction that sees one committed state and waits for no writer; it cannot write."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    async def _run(self, statement: Executable, parameters: Parameters) -> Result:
        return await self._view.run(statement, parameters)

    async def _enter(self) -> None:
        await self._view.begin()
        self._stage = Stage.OPEN

    async def _exit(self, *, failed: bool) -> None:
        del failed
        self._stage = Stage.GONE
        self._view.end()


class WritingTransaction(Transaction):
    """A transaction outside any call: no other one writes meanwhile, and leaving the block commits it."""

    def __init__(self, unit: Unit, poster: Poster | None = None) -> None:
        super().__init__()
        self._unit = unit
        self._outgoing = poster

    def _poster(self) -> Poster:
        return self._outgoing if self._outgoing is not None and self._stage is Stage.OPEN else super()._poster()

    async def _run(self, statement: Executable, parameters: Parameters) -> Result:
        try:
            return await self._unit.run(statement, parameters)
        except Overtaken as overtaken:
            raise _conflict(overtaken) from overtaken

    async def _enter(self) -> None:
        await self._unit.begin()
        self._stage = Stage.OPEN

    async def _exit(self, *, failed: bool) -> None:
        self._stage = Stage.GONE
        if failed:
            self._unit.drop()
            return
        try:
            await self._unit.commit()
        except Overtaken as overtaken:
            raise _conflict(overtaken) from overtaken
        finally:
            if self._outgoing is not None:
                self._outgoing.left()  # also where nobody knows whether it was committed: a look does no harm


def _conflict(overtaken: Overtaken) -> NotDone:
    # weft's own transactions leave this one alone: only somebody else who writes to these tables can be the cause.
    return NotDone(f"others wrote what this transaction has read: {overtaken}", reason="conflict")


class JoinedTransaction(Transaction):
    """A transaction that commits together with the outcome of its call: a `Participant`.

    The effect lies in a savepoint, which a refusal rolls back; the barrier's row lies outside it, and goes only where
    all is rolled back. Both stay open, and the turn is kept, until the outcome is known.
    """

    def __init__(self, unit: Unit, current: CurrentCall, poster: Poster) -> None:
        super().__init__()
        self._unit = unit
        self._outgoing = poster
        self._current = current
        self._call = current.call
        self._clock = poster.clock
        self._task: asyncio.Task[Any] | None = None

    def _poster(self) -> Poster:
        return self._outgoing if self._stage is Stage.OPEN else super()._poster()

    async def _run(self, statement: Executable, parameters: Parameters) -> Result:
        return await self._unit.run(statement, parameters)

    async def _enter(self) -> None:
        if self._current.over:
            raise self._too_late()
        if self._current.participant is not None:
            raise TransactionMisused(f"{self._call.target} opens a second transaction in one call")
        self._current.participant = self
        settled = await self._ask_again_and_again()
        if settled is not None:
            await self._leave_settled(settled)
        self._task = asyncio.current_task()
        if self._task is not None:
            self._task.add_done_callback(self._forsaken_by)

    async def _ask_again_and_again(self) -> Outcome | None:
        for _ in range(ENTRIES - 1):
            # Another delivery of this call may come first: begun anew, this one sees what became of it.
            with suppress(Overtaken):
                return await self._ask_the_barrier()
        return await self._ask_the_barrier()

    async def _ask_the_barrier(self) -> Outcome | None:
        await self._unit.begin()
        self._stage = Stage.OPEN
        if self._current.over:
            # It ended while this waited for the turn, and nobody is left who would give the turn back.
            self._give_up()
            raise self._too_late()
        try:
            settled = await self._unit.ask(admit(self._call))
            if settled is None:
                await self._unit.mark()
        except Overtaken:
            self._unit.drop()
            self._stage = Stage.NEW
            raise
        except BaseException:
            self._give_up()
            raise
        return settled

    def _too_late(self) -> TransactionMisused:
        what = f"a transaction for a call of {self._call.target} that has ended: it has no outcome left to commit with"
        return TransactionMisused(what, where=self._current.operation.where, remedy=OUTLIVED)

    async def _leave_settled(self, outcome: Outcome) -> NoReturn:
        if role_of(self._call) == UNDO or self._unit.shows_uncommitted:
            # What the answer rests on, the first delivery's commit or a row written just now, is not on disk yet.
            await self._commit()
        else:
            self._give_up()
        raise AlreadySettled(outcome)

    async def _exit(self, *, failed: bool) -> None:
        if self._stage is Stage.OPEN:
            self._stage = Stage.LEFT
            if failed:
                await self._unit.back()

    async def finish(self, outcome: Outcome) -> None:
        """Store the outcome beside the effect and commit both; returns once they are on disk.

        A refusal rolls the effect back and is stored. Not so that of an undo: a later attempt has to succeed. Once the
        commit has begun, a cancellation is passed over: the caller hears what came of it.

        Raises:
            NotDone: Nothing happened.
            TransactionMisused: The block is still open, in a task that the operation did not wait for.
            OutcomeUnknown: The disk or the connection failed in the one moment where nobody can tell.
            Overtaken: Nothing happened, and the operation is to be run again.
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
            await self._unit.back()
        elif not isinstance(outcome, Reply):
            self._give_up()
            return
        await self._commit(settle(self._call, outcome, at_ms=self._clock.now_ms()))

    async def abandon(self) -> None:
        """Roll everything back; harmless when all is over."""
        self._give_up()

    def _forsaken_by(self, task: asyncio.Task[Any]) -> None:
        # A net below the dispatcher: a task that was cancelled has no outcome, and must not take the turn with it.
        if task.cancelled():
            self._give_up()

    def _give_up(self) -> None:
        """Roll back and pass the turn on; it does not wait, so no cancellation can come between."""
        self._unwatch()
        if self._stage not in {Stage.NEW, Stage.GONE}:
            self._stage = Stage.GONE
            self._unit.drop()

    async def _commit(self, last: Steps[None] | None = None) -> None:
        """Commit and wait for it."""
        self._unwatch()
        self._stage = Stage.GONE
        try:
            with suppress(asyncio.CancelledError):  # told after the end of the commit, which went well: that is true
                await self._unit.commit(last)
        finally:
            self._outgoing.left()

    def _unwatch(self) -> None:
        if self._task is not None:
            self._task.remove_done_callback(self._forsaken_by)
            self._task = None
