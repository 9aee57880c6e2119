"""Transactions on a PostgreSQL server: those that write, as if one after another, and views that read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from sqlalchemy import Executable, MetaData
from sqlalchemy.exc import DBAPIError

from weft.data.port import Parameters, Result, Steps, closed, ended_by_a_statement, refuse_write
from weft.data.postgresql.connection import (
    LOCK_NOT_AVAILABLE,
    OVERTAKEN,
    READ_ONLY,
    Link,
    failure,
    is_lost,
    state_of,
    words,
)
from weft.data.postgresql.pool import Pool
from weft.data.postgresql.statements import carry_through, run
from weft.errors import NotDone, OutcomeUnknown
from weft.flow.ambient import Overtaken

T = TypeVar("T")

ROW_WAIT_MS = 100
"""Beside others no transaction waits longer for a row: that is a deadlock, or as bad; it is begun again, alone."""

# To lock the table takes no snapshot, so what is seen is the state after the wait and not the one before it. A lock of
# another kind, `pg_advisory_xact_lock` in a SELECT, would fix the snapshot first and then wait.
BESIDE_OTHERS = (
    "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE weft_turn IN ROW EXCLUSIVE MODE; "
    f"SET LOCAL lock_timeout = {ROW_WAIT_MS}"
)
ALONE = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE weft_turn IN EXCLUSIVE MODE"
QUEUE = "BEGIN ISOLATION LEVEL READ COMMITTED"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"


class PostgresqlUnit:
    """A transaction of its own on a connection of its own; a `Unit`.

    Each statement has a savepoint: one that breaks a constraint takes back itself only, and the block may go on.
    """

    def __init__(self, pool: Pool, opening: Callable[[], str], ended: Callable[[BaseException | None], None]) -> None:
        self.lost: BaseException | None = None
        self._pool = pool
        self._opening = opening
        self._ended = ended
        self._link: Link | None = None
        self._holder: asyncio.Task[object] | None = None
        self._turn = asyncio.Lock()
        self._in_savepoint = False
        self._broken = False
        self._impatient = False

    @property
    def shows_uncommitted(self) -> bool:
        """Tell that others' effects are seen only once they are on disk."""
        return False

    async def begin(self) -> None:
        """Take a connection and begin."""
        self._holder = asyncio.current_task()
        self.lost, self._in_savepoint, self._broken = None, False, False
        self._link = await self._pool.begin(self._open, self._holder)

    def _open(self) -> str:
        opening = self._opening()
        self._impatient = opening == BESIDE_OTHERS
        return opening

    def _overtaken(self, error: BaseException) -> bool:
        state = state_of(error)
        return state in OVERTAKEN or (self._impatient and state == LOCK_NOT_AVAILABLE)

    def _failure(self, error: BaseException) -> BaseException:
        return Overtaken(words(error)) if self._overtaken(error) else failure(error, self._pool.name)

    async def run(self, statement: Executable, parameters: Parameters) -> Result:
        """Execute a statement of a service."""

        async def execute(link: Link) -> Result:
            again = "RELEASE weft_statement; SAVEPOINT weft_statement"
            await link.raw.execute(again if self._in_savepoint else "SAVEPOINT weft_statement", prepare=False)
            self._in_savepoint = True
            try:
                result = await run(link, statement, parameters)
            except DBAPIError as error:
                if not is_lost(error) and not self._overtaken(error):
                    await link.raw.execute("ROLLBACK TO weft_statement")
                raise
            if not link.is_inside:
                what = f"{self._pool.name} could not say whether it committed"
                self.lost = OutcomeUnknown(what, reason="storage")
                self.lost.__cause__ = ended_by_a_statement(self._pool.name)
            return result

        return await self._use(execute)

    async def ask(self, steps: Steps[T]) -> T:
        """Carry a decision of the room through; what fails in it fails the transaction."""

        async def decide(link: Link) -> T:
            try:
                return await carry_through(link, steps)
            except psycopg.Error as error:
                self.lost = self._failure(error)
                raise self.lost from error

        return await self._use(decide)

    async def _use(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do one thing at a time on the connection, and notice what ends the transaction."""
        async with self._turn:
            if self.lost is not None:
                raise self.lost
            if self._link is None:
                raise closed(self._pool.name)
            try:
                return await work(self._link)
            except (DBAPIError, psycopg.Error) as error:
                if is_lost(error) or self._overtaken(error) or not self._link.is_inside:
                    self.lost = self._failure(error)
                    raise self.lost from error
                raise
            except asyncio.CancelledError:
                self._broken = True  # somewhere between question and answer
                self.lost = NotDone(f"a statement on {self._pool.name} was cancelled", reason="storage")
                raise

    async def create(self, tables: MetaData) -> None:
        """Create those tables that are missing."""

        async def create(link: Link) -> None:
            await link.core.run_sync(tables.create_all)

        await self._use(create)

    async def mark(self) -> None:
        """Open the savepoint of the effect."""
        await self._control("SAVEPOINT weft_effect")

    async def back(self) -> None:
        """Roll the effect back."""
        self._in_savepoint = False
        if self.lost is None:
            await self._control("ROLLBACK TO weft_effect")

    async def _control(self, statement: str) -> None:
        async def control(link: Link) -> None:
            await link.raw.execute(statement.encode())

        await self._use(control)

    async def commit(self, last: Steps[None] | None = None) -> None:
        """Ask the last thing, commit and wait for it, whoever is cancelled meanwhile."""
        if self.lost is not None:
            self.drop()
            raise self.lost
        committing = asyncio.ensure_future(self._commit(last))
        cancelled: asyncio.CancelledError | None = None
        while not committing.done():
            try:
                await asyncio.wait({committing})
            except asyncio.CancelledError as error:
                cancelled = error
        committing.result()
        if cancelled is not None:
            raise cancelled

    async def _commit(self, last: Steps[None] | None) -> None:
        if last is not None:
            try:
                await self.ask(last)
            except BaseException:
                self.drop()
                raise
        assert self._link is not None, "a transaction is committed once, after it has begun"
        async with self._turn:
            try:
                cursor = await self._link.raw.execute("COMMIT")
            except psycopg.Error as error:
                self._broken = is_lost(error)
                self.lost = failure(error, self._pool.name, committing=True)
                raise self.lost from error
            finally:
                self.drop()
        if cursor.statusmessage != "COMMIT":  # the server rolls back what cannot be committed, and calls that no error
            raise NotDone(f"{self._pool.name} rolled everything back: a statement had failed", reason="storage")
        self._ended(None)

    def drop(self) -> None:
        """Give the connection back, which rolls back what is open on it."""
        link, self._link = self._link, None
        if link is not None:
            if self.lost is not None:
                self._ended(self.lost)
            self._pool.give_back(link, self._holder, broken=self._broken)


class PostgresqlView:
    """One committed state, which waits for no writer; a `View`."""

    def __init__(self, pool: Pool, because: str) -> None:
        self._pool = pool
        self._because = because
        self._link: Link | None = None
        self._turn = asyncio.Lock()
        self._broken = False

    async def begin(self) -> None:
        """Fix the state."""
        self._link = await self._pool.begin(lambda: SNAPSHOT)

    async def run(self, statement: Executable, parameters: Parameters) -> Result:
        """Execute a statement of a service; after one that fails the state is still there."""
        async with self._turn:
            link = self._lent()
            await link.raw.execute("SAVEPOINT weft_statement")
            try:
                result = await run(link, statement, parameters)
            except DBAPIError as error:
                if is_lost(error):
                    raise failure(error, self._pool.name) from error
                await link.raw.execute("ROLLBACK TO weft_statement")
                if state_of(error) == READ_ONLY:
                    refuse_write(error, self._because)
                raise
            except asyncio.CancelledError:
                self._broken = True
                raise
            return result

    async def ask(self, steps: Steps[T]) -> T:
        """Carry a decision of the room through."""
        async with self._turn:
            try:
                return await carry_through(self._lent(), steps)
            except psycopg.Error as error:
                raise failure(error, self._pool.name) from error

    def _lent(self) -> Link:
        if self._link is None:
            raise closed(self._pool.name)
        return self._link

    def end(self) -> None:
        """Give the connection back."""
        link, self._link = self._link, None
        if link is not None:
            self._pool.give_back(link, broken=self._broken)
