"""Connections to one SQLite file: how they are opened, how they wait for a lock, and what their errors mean."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from weft.errors import CallFailed, NotDone, OutcomeUnknown, SettingInvalid

POLL_S = 0.002
"""How often a transaction that waits for another process asks for the write lock."""

STATEMENTS_KEPT = 512
"""Prepared statements that SQLite keeps for each connection."""

PRIMARY_CODE = 0xFF

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """One connection, as SQLAlchemy sees it and as the driver does.

    Statements of services go through `core`; turns, savepoints and the barrier go to `raw`: they are the same few
    strings for every transaction, and SQLAlchemy would cost ten times what SQLite needs for them.
    """

    core: Connection
    raw: sqlite3.Connection
    path: Path

    def close(self) -> None:
        """Close the connection; what is not committed is gone."""
        self.core.close()


def path_of(url: str) -> Path:
    """Return the file that a URL names.

    Raises:
        SettingInvalid: The URL is not `sqlite:///FILE`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        what = f"{parsed.render_as_string()!r} does not name an SQLite file"
        remedy = "write sqlite:///FILE; in memory nothing would survive a crash, and readers could not see it"
        raise SettingInvalid(what, remedy=remedy)
    return Path(parsed.database)


def make_engine(path: Path) -> Engine:
    """Return an engine that leaves transactions to us: the driver's own begin and commit know nothing of turns."""
    return create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        # One thread at a time uses a connection, but not always the same one: commits have a thread of their own.
        connect_args={"check_same_thread": False, "timeout": 0, "cached_statements": STATEMENTS_KEPT},
    )


def open_writer(engine: Engine, path: Path, lock_wait_s: float) -> Link:
    """Open the connection that writes; blocks while another process sets up the same file.

    Raises:
        SettingInvalid: The file cannot be opened, or its folder's file system has no shared memory for WAL.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        link = _open(engine, path)
        mode = retry_while_busy(lambda: link.raw.execute("PRAGMA journal_mode = WAL").fetchone(), lock_wait_s)
    except (OSError, DBAPIError, sqlite3.Error) as error:
        remedy = "check that the path is right and its folder can be written"
        raise SettingInvalid(f"{path} cannot be opened as a database: {error}", remedy=remedy) from error
    if mode[0] != "wal":
        link.close()
        raise SettingInvalid(f"{path} does not take WAL mode", remedy="keep databases on a local file system")
    link.raw.execute("PRAGMA synchronous = FULL")
    link.raw.execute("PRAGMA foreign_keys = ON")
    return link


def open_reader(engine: Engine, path: Path) -> Link:
    """Open a connection that reads snapshots and cannot write."""
    link = _open(engine, path)
    link.raw.execute("PRAGMA query_only = ON")
    return link


def _open(engine: Engine, path: Path) -> Link:
    core = engine.connect()
    # SQLAlchemy rolls back by itself after an error outside of what it takes for a transaction: let it always see one.
    # (A value refused by its column, in the first statement of a connection, ended the reader's view.)
    core.begin()
    raw = core.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return Link(core, raw, path)


def retry_while_busy(attempt: Callable[[], T], lock_wait_s: float) -> T:
    """Try until the lock is free or the time has passed; for threads, where waiting harms nobody."""
    until = time.monotonic() + lock_wait_s
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(POLL_S)


async def wait_for_lock(link: Link, statement: str, *, until: float) -> None:
    """Execute a statement that takes a lock, waiting for whoever holds it; `until` is the loop's time.

    The time is the machine's, not the clock's: the holder is another process, which no virtual clock moves.

    Raises:
        NotDone: The lock was not free in time, or the file cannot be read.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            link.raw.execute(statement).close()
        except sqlite3.Error as error:
            if not is_busy(error) or loop.time() >= until:
                raise storage_failure(error, link.path) from error
        else:
            return
        await asyncio.sleep(POLL_S)


def code_of(error: BaseException | None) -> int:
    """Return SQLite's primary result code of an error, also from within SQLAlchemy's; 0 for none."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(origin, "sqlite_errorcode", 0)) & PRIMARY_CODE


def is_busy(error: BaseException) -> bool:
    """Tell whether an error only says that somebody else has the lock."""
    return code_of(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def storage_failure(error: BaseException, path: Path, *, committing: bool = False) -> CallFailed:
    """Return what the failure of a transaction means for its caller: rolled back, hence not done.

    One case is not certain. When the commit's own flush fails the record may have reached the disk all the same, and
    whoever reads the file after a crash would find it there.
    """
    if committing and code_of(error) not in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT}:
        return OutcomeUnknown(f"{path.name} could not say whether it committed: {_words(error)}", reason="storage")
    reason = "busy" if is_busy(error) else "storage"
    return NotDone(f"{path.name} rolled everything back: {_words(error)}", reason=reason)


def _words(error: BaseException) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return f"{getattr(origin, 'sqlite_errorname', type(origin).__name__)}, {origin}"
