"""Views of an SQLite file: snapshots on connections of their own, beside whoever writes."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, Executable
from sqlalchemy.exc import DBAPIError

from weft.data.port import Parameters, Result, Steps, closed
from weft.data.sqlite.connection import Link, open_reader, storage_failure, wait_for_lock
from weft.data.sqlite.statements import carry_through, refuse_if_write, run

T = TypeVar("T")

READERS = 8
"""At most this many snapshots of one database are open at once; others wait their turn."""


class Readers:
    """The reading connections of a database, opened as they are needed."""

    def __init__(self, engine: Engine, path: Path, *, lock_wait_s: float) -> None:
        self.lock_wait_s = lock_wait_s
        self._engine = engine
        self._path = path
        self._free: list[Link] = []
        self._turns = asyncio.Semaphore(READERS)
        self._closed = False

    async def take(self) -> Link:
        """Wait for a connection that nobody uses."""
        if self._closed:
            raise closed(self._path.name)
        await self._turns.acquire()
        try:
            return self._free.pop() if self._free else open_reader(self._engine, self._path)
        except (DBAPIError, sqlite3.Error) as error:
            self._turns.release()
            raise storage_failure(error, self._path) from error

    def give_back(self, link: Link) -> None:
        """End the snapshot and let another reader have the connection."""
        if link.raw.in_transaction:
            link.raw.execute("ROLLBACK")
        if self._closed:
            link.close()
        else:
            self._free.append(link)
        self._turns.release()

    def close(self) -> None:
        """Close what is free now, and the others as they come back."""
        self._closed = True
        while self._free:
            self._free.pop().close()


class SqliteView:
    """One committed state, which waits for no writer; a `View`."""

    def __init__(self, readers: Readers, because: str) -> None:
        self._readers = readers
        self._because = because
        self._link: Link | None = None

    async def begin(self) -> None:
        """Fix the state."""
        link = await self._readers.take()
        try:
            link.raw.execute("BEGIN")
            # The first look fixes the snapshot: here, where waiting for a lock is possible, and not at some statement.
            until = asyncio.get_running_loop().time() + self._readers.lock_wait_s
            await wait_for_lock(link, "SELECT 1 FROM sqlite_schema LIMIT 1", until=until)
        except BaseException:
            self._readers.give_back(link)
            raise
        self._link = link

    async def run(self, statement: Executable, parameters: Parameters) -> Result:
        """Execute a statement of a service."""
        assert self._link is not None
        try:
            return run(self._link, statement, parameters)
        except DBAPIError as error:
            refuse_if_write(error, self._because)
            raise

    async def ask(self, steps: Steps[T]) -> T:
        """Carry a decision of the room through."""
        assert self._link is not None
        try:
            return carry_through(self._link.raw, steps)
        except sqlite3.Error as error:
            raise storage_failure(error, self._link.path) from error

    def end(self) -> None:
        """Let the state go."""
        if self._link is not None:
            self._readers.give_back(self._link)
            self._link = None
