"""The tables of a store, how its file is opened, and how it is known for what it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from weft.engine.embedded.layout import FINDING, SCHEDULING
from weft.engine.embedded.queue_rows import TABLES as QUEUE_TABLES
from weft.engine.embedded.refusals import TABLES as REFUSALS
from weft.errors import SettingInvalid, StoreFailed, StoreNewer, StoreOfOtherSystem

APPLICATION = 0x77656674
"""What the header of every store says it is: `weft` in ASCII."""

FORMAT = 2
"""The version of the tables below. A higher one was written by a newer weft; a lower one is mended by `upgrades`."""

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with it; `UPDATE … FROM`, which the writer lives on, a little earlier."""

CHECKPOINT_PAGES = 4_000
"""How long the log grows before its pages go home: 16 MB. See `connect`."""

LOG_BYTES_KEPT = 64 * 1024 * 1024
"""A log that a long reader made longer than this is cut back at the next checkpoint."""

LOCK_WAIT_S = 30.0
"""How long another process may hold the write lock before a request, a reader or the writer gives up."""

# Which b-trees a run touches decides what a run costs, so there are few, and each has its reason.
#
# journal: rows lie in the order of their commit, and an index finds them by run. Clustering by run instead
# (WITHOUT ROWID, or run and seq composed into one integer key) dirties one page for each run in a commit; appending
# fills a few. Rows a second in commits of 256 runs, 3.11, one SSD, idle loop:
#     entry + commands of          300 bytes    2,100 bytes
#     WITHOUT ROWID (run, seq)       240,000         41,000
#     one composed integer key       246,000         39,000
#     appended, with an index        353,000         59,000
# What is paid for it: a replay reads one page for each entry instead of neighbours, once for each wake.
#
# runs: workflows are numbers, so that the one index by workflow and status stays small and serves every list and count.
# Sleepers and runs in flight (wake_ms = 0) are found by `runs_wake`; runs that have ended (an update takes their
# wake_ms away) and runs that wait for a message only are not in it, so a store of a million finished runs starts as
# fast as an empty one.
#
# requests: AUTOINCREMENT, because an owner asks for those after the last id it saw; a plain rowid is given again once
# the newest row is deleted, and the request that got it would never be seen.
_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE workflows (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE runs (
    key INTEGER PRIMARY KEY, workflow INTEGER NOT NULL, run_id TEXT NOT NULL, chain TEXT NOT NULL,
    generation INTEGER NOT NULL, epoch INTEGER NOT NULL, tenant TEXT NOT NULL, status INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, wake_ms INTEGER, ended_ms INTEGER, reason TEXT NOT NULL DEFAULT '', result BLOB
) STRICT;
CREATE UNIQUE INDEX runs_id ON runs (workflow, run_id);
CREATE INDEX runs_status ON runs (workflow, status);
CREATE INDEX runs_wake ON runs (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE TABLE journal (
    run INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, entry BLOB NOT NULL, commands BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_run ON journal (run, seq);
CREATE TABLE states (
    run INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    run INTEGER NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL, error TEXT NOT NULL, next_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0, equal INTEGER NOT NULL DEFAULT 0, attention TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL,
    body BLOB NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
{FINDING}
{QUEUE_TABLES}
{SCHEDULING}
{REFUSALS}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
"""


def connect(path: Path, *, create: bool = False, timeout_s: float = LOCK_WAIT_S) -> sqlite3.Connection:
    """Open one connection in autocommit mode.

    Only the owner's writing connection moves the log's pages home (`checkpoint`): readers and requests that did it
    too would stop for it at a moment nobody chose. How long the log grows before that, from 1,000 pages (SQLite's
    default) to 16,000, and pages from 4 to 16 KB make no difference to throughput beyond the noise of 5 %; 4,000
    pages make the pauses rarer and the log no longer than 16 MB.
    No memory map: a truncated file or a failing disk would kill the process by SIGBUS instead of raising an error.

    Args:
        path: the store's file.
        create: whether a missing file is made; else it is an error.
        timeout_s: how long a statement waits for another connection's lock.

    Raises:
        SettingInvalid: there is no such file, or it cannot be opened, or SQLite is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise SettingInvalid(
            f"this Python brings SQLite {sqlite3.sqlite_version}",
            remedy=f"use a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or later",
        )
    uri = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False, cached_statements=256
        )
    except sqlite3.OperationalError as error:
        raise SettingInvalid(
            f"there is no store that can be opened: {error}",
            where=str(path),
            remedy="look at the path and its permissions; `weft run` makes a store where its folder exists",
        ) from error
    return connection


def prepare(connection: sqlite3.Connection, path: Path, *, cache_kib: int, checkpoints: bool) -> None:
    """Set how a connection keeps its promises: every commit is on the disk when it returns.

    Raises:
        StoreFailed: the file is not a database, or cannot be read.
    """
    with mapped(path, doing="opened"):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES if checkpoints else 0}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_KEPT}")


def create(connection: sqlite3.Connection, path: Path, *, system: str) -> None:
    """Make the tables in a file that has none, in one transaction; leave any other file as it is.

    Raises:
        StoreFailed: the file is not a database, or cannot be written.
    """
    with mapped(path, doing="made"):
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES}")
        connection.execute("INSERT INTO meta VALUES ('system', ?), ('epoch', '0')", (system,))
        connection.execute("COMMIT")


def verify(connection: sqlite3.Connection, path: Path, *, system: str | None, older: bool = False) -> None:
    """Make sure that a file is a store, of this System, that this version of weft understands.

    Args:
        connection: an open connection to it.
        path: where it is, for the error.
        system: the System it must belong to; nothing accepts any.
        older: whether an older format will do, because it is about to be upgraded.

    Raises:
        StoreFailed: it is not a store, or one of an older format.
        StoreNewer: a newer weft wrote it.
        StoreOfOtherSystem: it belongs to another System.
    """
    with mapped(path, doing="opened"):
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        written = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise StoreFailed(
                "this database is not a weft store", where=str(path), remedy="name a path of its own for the store"
            )
        if written > FORMAT:
            raise StoreNewer(
                f"the store has format {written}, this weft knows formats up to {FORMAT}",
                where=str(path),
                written=written,
                known=FORMAT,
            )
        if written < FORMAT and not older:
            raise StoreFailed(
                f"the store has format {written}, and this weft reads format {FORMAT}",
                where=str(path),
                remedy="start the System with this weft once: the engine that takes the store upgrades it",
                reason="OLDER",
            )
        owner = connection.execute("SELECT value FROM meta WHERE name = 'system'").fetchone()[0]
    if system is not None and owner != system:
        raise StoreOfOtherSystem(
            f"the store belongs to the System {owner!r}, not to {system!r}",
            where=str(path),
            owner=owner,
            system=system,
        )


def next_epoch(connection: sqlite3.Connection, path: Path) -> int:
    """Count one more owner, durably, and return its number; the first is 1.

    Raises:
        StoreFailed: the file cannot be written.
    """
    with mapped(path, doing="taken"), closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'epoch'")
        epoch = int(cursor.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])
        cursor.execute("INSERT OR IGNORE INTO meta VALUES ('id', lower(hex(randomblob(16))))")
        cursor.execute("COMMIT")
    return epoch


def identity_of(connection: sqlite3.Connection) -> str:
    """Return the name that a store got when it was first opened, and that no other has."""
    return str(connection.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()[0])


def check_epoch(connection: sqlite3.Connection, path: Path, *, epoch: int) -> None:
    """Make sure, inside a transaction, that no other engine has taken the store since.

    The lock keeps others out. This is for what goes past it: a hard link, a lock file that was removed.

    Raises:
        StoreFailed: another engine has.
    """
    now = int(connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])
    if now != epoch:
        raise StoreFailed(
            f"another engine has taken the store over: it is at epoch {now}, this engine at {epoch}",
            where=str(path),
            remedy="run one engine on a store, under one name of its file",
            reason="TAKEN_OVER",
        )


class mapped:  # noqa: N801 - reads as a word of the with statement, like contextlib's
    """Turn what sqlite3 raises inside a `with` into StoreFailed that names the store and what was being done."""

    __slots__ = ("_doing", "_path")

    def __init__(self, path: Path, *, doing: str) -> None:
        self._path = path
        self._doing = doing

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the store's error in the place of SQLite's."""
        if isinstance(error, sqlite3.Error):
            raise failed(error, self._path, doing=self._doing) from error


def failed(error: BaseException, path: Path, *, doing: str) -> StoreFailed:
    """Describe what went wrong with a store, and what helps."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StoreFailed(
        f"the store could not be {doing}: {error} ({name})",
        where=str(path),
        remedy=_REMEDIES.get(name.removeprefix("SQLITE_").split("_")[0], ""),
        reason=name,
    )


_REMEDIES = {
    "FULL": "make space on the disk and start again: every run resumes from its journal",
    "NOTADB": "name a path of its own for the store, or restore it from a backup",
    "CORRUPT": "restore the store from a backup; `sqlite3 FILE .recover` saves what can be read",
    "BUSY": "another program holds the store's write lock; end it and start again",
    "READONLY": "give this user write access to the store and its folder",
    "CANTOPEN": "look at the path and its permissions",
}
