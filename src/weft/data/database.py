"""A service's own database: one SQLite file, one writer that shares commits, and readers beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from sqlalchemy import MetaData

from weft.clock import EPOCH, Clock, SystemClock
from weft.data.barrier import Barrier, BarrierRow, barrier_tables, rows_of
from weft.data.connection import Link, make_engine, open_writer, path_of, storage_failure
from weft.data.reading import Readers, ReadingTransaction
from weft.data.sharing import WriteSlot
from weft.data.transaction import JoinedTransaction, Transaction, WritingTransaction
from weft.errors import TransactionMisused
from weft.flow.ambient import current_call
from weft.model.effect import EffectKind

LOCK_WAIT = timedelta(seconds=30)
"""How long a transaction waits for another process that writes to the same file."""

R = TypeVar("R")


class Database:
    """One SQLite file in which an effect, the memory of its call and its reply commit together.

    Example:
        ```python
        db = await Database.open("sqlite:///store/inventory.db", tables=metadata)
        async with db.transaction() as tx:
            await tx.execute(stock.update().where(stock.c.sku == "85123A"), {"held": 6})
        await db.close()
        ```
    """

    __weft_exactly_once_store__: ClassVar[bool] = True

    def __init__(
        self, link: Link, *, readers: Readers, slot: WriteSlot, thread: ThreadPoolExecutor, clock: Clock
    ) -> None:
        self.path = link.path
        self._link = link
        self._readers = readers
        self._slot = slot
        self._thread = thread
        self._clock = clock

    @classmethod
    def open(
        cls, url: str, *, clock: Clock | None = None, tables: MetaData | None = None, lock_wait: timedelta = LOCK_WAIT
    ) -> Opening:
        """Open the file, and make it, its folder and its tables where they are missing.

        Await it and close the database yourself, or enter it: `async with Database.open(url) as db`.

        Args:
            url: `sqlite:///FILE`; four slashes for an absolute path.
            clock: Where the barrier's rows have their times from.
            tables: Created where missing; never changed.
            lock_wait: How long to wait for another process that writes to the file.

        Raises:
            SettingInvalid: The URL or the file cannot be used.
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

        A block should wait for nothing but its statements: a writing one has the file's only write slot, and those that
        share its commit wait for it. Statements run on the event loop, which stands still for as long as one of them
        takes: keep them to what an index finds.
        """
        current = current_call.get()
        if read_only:
            return ReadingTransaction(self._readers, because="read_only=True")
        if current is None:
            return WritingTransaction(self._slot)
        if current.operation.kind is EffectKind.READ:
            return ReadingTransaction(self._readers, because=f"{current.call.target} is declared as read")
        return JoinedTransaction(self._slot, current, self._clock)

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
        async with WritingTransaction(self._slot):
            tables.create_all(self._link.core)

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
        async with WritingTransaction(self._slot):
            try:
                return Barrier(self._link.raw).forget(effect_ids, mark_ms=mark_ms)
            except sqlite3.Error as error:
                raise storage_failure(error, self.path) from error

    async def barrier_rows(self) -> list[BarrierRow]:
        """Return all that the barrier knows, as committed; for books and tests."""
        link = await self._readers.take()
        try:
            return rows_of(link.raw)
        finally:
            self._readers.give_back(link)

    @property
    def commits(self) -> int:
        """Return how many commits were made since opening; fewer than transactions, since they share."""
        return self._slot.commits

    async def close(self) -> None:
        """Let transactions under way end, then close all connections."""
        await self._slot.close()
        self._readers.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._link.close)
        self._thread.shutdown()


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
        path = path_of(self._url)
        engine = make_engine(path)
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"weft-commit-{path.stem}")
        try:
            link = await asyncio.get_running_loop().run_in_executor(
                thread, open_writer, engine, path, self._lock_wait_s
            )
        except BaseException:
            thread.shutdown(wait=False)
            raise
        readers = Readers(engine, path, lock_wait_s=self._lock_wait_s)
        slot = WriteSlot(link, thread, lock_wait_s=self._lock_wait_s)
        database = Database(link, readers=readers, slot=slot, thread=thread, clock=self._clock)
        try:
            await database.create(barrier_tables)
            if self._tables is not None:
                await database.create(self._tables)
        except BaseException:
            await database.close()
            raise
        return database
