"""A service's own database, by URL: an SQLite file or a PostgreSQL server, with one behavior."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import MetaData

from weft.clock import EPOCH, Clock, SystemClock
from weft.data.barrier import BarrierRow, all_rows, barrier_tables, forget, forget_runs
from weft.data.opening import open_store
from weft.data.outbox import Outbox, OutboxRow, outbox_tables
from weft.data.outbox import all_rows as requests
from weft.data.port import Store
from weft.data.poster import Poster
from weft.data.relay import OutboxRelay
from weft.data.transaction import JoinedTransaction, ReadingTransaction, Transaction, WritingTransaction
from weft.errors import TransactionMisused
from weft.flow.ambient import current_call
from weft.flow.port import RunsPort
from weft.flow.posting import Destination
from weft.model.effect import EffectKind

LOCK_WAIT = timedelta(seconds=30)
"""How long a transaction waits for another one that stands in its way."""

FORGOTTEN_AT_ONCE = 1_000
"""Rows of the barrier that go in one transaction."""


class Database:
    """A database in which an effect, the memory of its call and its reply commit together.

    Example:
        ```python
        db = await Database.open("sqlite:///store/inventory.db", tables=metadata)
        async with db.transaction() as tx:
            await tx.execute(stock.update().where(stock.c.sku == "85123A"), {"held": 6})
        await db.close()
        ```
    """

    __weft_exactly_once_store__: ClassVar[bool] = True

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self.name = store.name
        self._store = store
        self._clock = clock
        self._outbox = Outbox()

    @classmethod
    def open(
        cls, url: str, *, clock: Clock | None = None, tables: MetaData | None = None, lock_wait: timedelta = LOCK_WAIT
    ) -> Opening:
        """Open the database, and make its tables where they are missing; a file and its folder, too.

        Await it and close the database yourself, or enter it: `async with Database.open(url) as db`.

        Args:
            url: `sqlite:///FILE`, four slashes for an absolute path; or `postgresql://USER:PASSWORD@HOST:PORT/NAME`,
                with libpq's parameters, as in `?sslmode=verify-full&sslrootcert=ca.pem`, and two of weft's own,
                `connections` and `statement_timeout_ms`.
            clock: Where the barrier's rows have their times from.
            tables: Created where missing; never changed.
            lock_wait: How long to wait for another transaction that stands in the way.

        Raises:
            SettingInvalid: The URL, the file or the database that it names cannot be used.
            DatabaseUnreachable: No server answers there.
        """
        return Opening(url, clock=clock or SystemClock(), tables=tables, lock_wait=lock_wait)

    @classmethod
    def provider(cls, service: str, url: str) -> AbstractAsyncContextManager[Database]:
        """Open the database of a service for as long as the host runs: a provider for `Host`."""
        del service
        return cls.open(url)

    def transaction(self, *, read_only: bool = False) -> Transaction:
        """Return a transaction to enter with `async with`.

        Inside an operation with an effect it joins the call: it is entered once per call, a duplicate never gets into
        the block, and it commits together with the call's outcome. Inside a `read` operation, or with `read_only`, it
        sees the last committed state and cannot write. Elsewhere leaving the block commits it.

        Transactions behave as if they came one after another. In SQLite they do: a writing one has the file's only
        write slot, those that share its commit wait for it, and its statements run on the event loop. On PostgreSQL
        they run side by side; where two of them would not fit into any order, one is rolled back and its operation run
        again, alone: an operation does nothing outside of its database that may not be done twice. A block should wait
        for nothing but its statements.
        """
        current = current_call.get()
        if read_only:
            return ReadingTransaction(self._store.view("read_only=True"))
        if current is None:
            unit = self._store.unit(alone=True)
            return WritingTransaction(unit, Poster(unit, self._outbox, self._clock))
        if current.operation.kind is EffectKind.READ:
            return ReadingTransaction(self._store.view(f"{current.call.target} is declared as read"))
        unit = self._store.unit(alone=current.overtaken > 0)
        return JoinedTransaction(unit, current, Poster(unit, self._outbox, self._clock, call_id=current.call.id))

    async def create(self, tables: MetaData) -> None:
        """Create those tables that are missing; never changes one that is there.

        Raises:
            TransactionMisused: A foreign key is deferred: it would be checked at a commit that others share.
        """
        for table in tables.tables.values():
            if any(key.deferrable or (key.initially or "").upper() == "DEFERRED" for key in table.foreign_keys):
                what = f"table {table.name} has a deferred foreign key, which would fail the commit that others share"
                raise TransactionMisused(
                    what, remedy="let it be checked at once: leave deferrable= and initially= away"
                )
        unit = self._store.unit(alone=True)
        async with WritingTransaction(unit):
            await unit.create(tables)

    async def forget(self, effect_ids: Iterable[str], *, mark: datetime) -> int:
        """Delete what the barrier knows of calls that can never come again; return how many rows went.

        Only for calls of runs known to be closed, once the longest delivery delay has passed. An undo that finds no
        trace of its operation, and whose call was issued before the mark, raises UndoTooOld from now on. It is one
        transaction: give ids by the thousand, not by the million.

        Args:
            effect_ids: The ids of the calls.
            mark: A moment after all of them were issued; raised by itself above the newest row that goes.
        """
        mark_ms = (mark - EPOCH) // timedelta(milliseconds=1)
        unit = self._store.unit(alone=True)
        async with WritingTransaction(unit):
            return await unit.ask(forget(effect_ids, mark_ms=mark_ms))

    async def forget_runs(self, chains: Iterable[str]) -> int:
        """Delete what the barrier knows of the calls of runs; return how many rows went.

        As `forget`, by the chains with which the ids of the runs' calls begin; the mark rises above what goes. Takes as
        many transactions as it needs, so that no other waits long.

        Args:
            chains: of runs known to be closed, whose longest delivery delay has passed.
        """
        count = 0
        left = list(chains)
        while left:
            unit = self._store.unit(alone=True)
            async with WritingTransaction(unit):
                went, left = await unit.ask(forget_runs(left, most=FORGOTTEN_AT_ONCE))
            count += went
        return count

    def relay(self, port: RunsPort, destination: Destination) -> OutboxRelay:
        """Return what carries the requests of this database's transactions to an engine; a host starts it.

        Args:
            port: the engine.
            destination: names it; requests that were meant for another are left to that one's host.
        """
        return OutboxRelay(self._store, self._outbox, port=port, destination=destination)

    async def outbox_rows(self) -> list[OutboxRow]:
        """Return the requests that have not left yet, and those that were refused; for operators and tests."""
        view = self._store.view("the outbox's books")
        async with ReadingTransaction(view):
            return await view.ask(requests())

    async def barrier_rows(self) -> list[BarrierRow]:
        """Return all that the barrier knows, as committed; for books and tests."""
        view = self._store.view("the barrier's books")
        async with ReadingTransaction(view):
            return await view.ask(all_rows())

    @property
    def commits(self) -> int:
        """Return how many commits were made since opening; in SQLite fewer than transactions, since they share."""
        return self._store.commits

    async def close(self) -> None:
        """Let transactions under way end, then close all connections."""
        await self._store.close()


class Opening(Awaitable[Database], AbstractAsyncContextManager[Database]):
    """A database about to be opened: await it, or enter it."""

    def __init__(self, url: str, *, clock: Clock, tables: MetaData | None, lock_wait: timedelta) -> None:
        self._url = url
        self._clock = clock
        self._tables = tables
        self._lock_wait_s = lock_wait.total_seconds()
        self._opened: Database | None = None

    def __await__(self) -> Generator[Any, Any, Database]:
        return self._open().__await__()

    async def __aenter__(self) -> Database:
        self._opened = await self._open()
        return self._opened

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def _open(self) -> Database:
        database = Database(await open_store(self._url, self._lock_wait_s), clock=self._clock)
        try:
            await database.create(barrier_tables)
            await database.create(outbox_tables)
            if self._tables is not None:
                await database.create(self._tables)
        except BaseException:
            await database.close()
            raise
        return database
