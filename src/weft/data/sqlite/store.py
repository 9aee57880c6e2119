"""An open SQLite file: the connection that writes, the thread that commits, the readers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from weft.data.port import Unit, View
from weft.data.sqlite.connection import Link, make_engine, open_writer, path_of
from weft.data.sqlite.reading import Readers, SqliteView
from weft.data.sqlite.sharing import WriteSlot
from weft.data.sqlite.unit import SqliteUnit


class SqliteStore:
    """One SQLite file; a `Store`."""

    skips_locked = False

    def __init__(self, link: Link, *, readers: Readers, slot: WriteSlot, thread: ThreadPoolExecutor) -> None:
        self.name = link.path.name
        self.link = link
        self.slot = slot
        self._readers = readers
        self._thread = thread

    @property
    def commits(self) -> int:
        """Return how many commits were made since opening; fewer than transactions, since they share."""
        return self.slot.commits

    def unit(self, *, alone: bool) -> Unit:
        """Return a transaction that writes: each is alone here."""
        del alone
        return SqliteUnit(self.slot)

    def queue_unit(self) -> Unit:
        """Return a transaction that writes."""
        return SqliteUnit(self.slot)

    def view(self, because: str) -> View:
        """Return a committed state to read."""
        return SqliteView(self._readers, because)

    async def close(self) -> None:
        """Let transactions under way end, then close all connections."""
        await self.slot.close()
        self._readers.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self.link.close)
        self._thread.shutdown()


async def open_store(url: str, lock_wait_s: float) -> SqliteStore:
    """Open the file that a URL names, and make it and its folder where they are missing.

    Raises:
        SettingInvalid: The URL or the file cannot be used.
    """
    path = path_of(url)
    engine = make_engine(path)
    thread = ThreadPoolExecutor(1, thread_name_prefix=f"weft-commit-{path.stem}")
    try:
        link = await asyncio.get_running_loop().run_in_executor(thread, open_writer, engine, path, lock_wait_s)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    readers = Readers(engine, path, lock_wait_s=lock_wait_s)
    slot = WriteSlot(link, thread, lock_wait_s=lock_wait_s)
    return SqliteStore(link, readers=readers, slot=slot, thread=thread)
