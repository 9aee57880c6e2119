"""A copy of a store that is one moment of it, made beside its running engine; and its space given back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from weft.engine.embedded import owner, schema
from weft.errors import BackupRefused, StoreFailed

PAGES_AT_ONCE = 1_000
"""Pages that are copied between two looks at the progress: 4 MB."""

CACHE_KIB = 4 * 1024

ROOM = 2
"""How many times its size a store may need while it is compacted: its new pages, and the log that brings them home."""

Told = Callable[[int, int], None]
"""Is told how many pages of how many are copied."""


def back_up(path: Path, destination: Path, *, told: Told) -> int:
    """Copy the store at `path` to a file that does not exist, and return its size in bytes.

    The copy is one moment of the store: the one in which it begins. The engine goes on meanwhile; its log grows
    until the copy is there. What is under `destination` is whole and on the disk, or there is nothing.

    Raises:
        BackupRefused: something is there already, the folder is not, or the name names no file.
        SettingInvalid: there is no store.
        StoreNewer: a newer weft wrote it.
        StoreFailed: it cannot be read, or the copy cannot be written.
    """
    if not destination.name:
        raise BackupRefused("this is a folder, or no name at all", where=str(destination))
    partial = destination.with_name(f"{destination.name}.partial")
    if os.path.lexists(destination):
        raise BackupRefused("there is a file already", where=str(destination))
    with closing(schema.connect(path)) as source:
        schema.prepare(source, path, cache_kib=CACHE_KIB, checkpoints=False)
        schema.verify(source, path, system=None, older=True)
        _claim(partial)
        try:
            with schema.mapped(destination, doing="backed up"):
                _copy(source, partial, told)
            _publish(partial, destination)
        finally:
            for each in (partial, partial.with_name(f"{partial.name}-journal")):
                each.unlink(missing_ok=True)
    return destination.stat().st_size


def _claim(partial: Path) -> None:
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        what = "another backup is being written there, or one was killed"
        raise BackupRefused(what, where=str(partial), remedy="wait for it, or remove that file") from None
    except OSError as error:
        what = f"nothing can be written there: {error.strerror}"
        raise BackupRefused(what, where=str(partial), remedy="make the folder, or name another one") from error


def _copy(source: sqlite3.Connection, partial: Path, told: Told) -> None:
    # An open snapshot keeps the copy from beginning again whenever the engine commits.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: told(total - left, total))
    source.execute("COMMIT")


def _publish(partial: Path, destination: Path) -> None:
    _sync(partial)
    try:
        os.link(partial, destination)  # unlike a rename it never takes the place of something
    except FileExistsError:
        raise BackupRefused("there is a file by now", where=str(destination)) from None
    _sync(destination.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Compacted(NamedTuple):
    """How many bytes a store took before it was compacted, and how many it takes now, its log included."""

    before: int
    after: int


def compact(path: Path) -> Compacted:
    """Give the space of what was deleted back to the disk. Waits for as long as it takes to write the store anew.

    Should the process or the machine die, or the disk be full, the store is as it was.

    Raises:
        StoreOwned: an engine owns it; `data["owner"]` says which.
        SettingInvalid: there is no store.
        StoreNewer: a newer weft wrote it.
        StoreFailed: there is too little room, or it cannot be written.
    """
    if not path.exists():
        schema.connect(path)  # raises what is said of a store that is not there
    ownership = owner.take(path)
    try:
        before = _size(path)
        _check_room(path, before)
        with closing(schema.connect(path)) as connection:
            schema.prepare(connection, path, cache_kib=CACHE_KIB, checkpoints=True)
            schema.verify(connection, path, system=None, older=True)
            with schema.mapped(path, doing="compacted"):
                # In memory it would take as much as the store.
                connection.execute("PRAGMA temp_store = FILE")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return Compacted(before, _size(path))
    finally:
        ownership.release()


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _check_room(path: Path, size: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < ROOM * size:
        raise StoreFailed(
            f"compacting {size:,} bytes may take {ROOM * size:,}, and {free:,} are free",
            where=str(path),
            remedy="make room, or compact a backup on another disk and put it in the place of the store",
            reason="SQLITE_FULL",
        )
