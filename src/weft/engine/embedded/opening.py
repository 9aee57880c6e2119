"""How a store is opened: by its one owner, who may write, or by anybody who reads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from weft.engine.embedded import owner, schema
from weft.engine.embedded.upgrades import upgrade

WRITER_CACHE_KIB = 64 * 1024
"""Large enough that no commit spills its pages into the log before it ends."""

READER_CACHE_KIB = 16 * 1024
"""The inner pages of the indexes of some ten million runs."""


class Opened(NamedTuple):
    """What an open store works with; a reader has one connection and no ownership."""

    reading: sqlite3.Connection
    writing: sqlite3.Connection | None
    ownership: owner.Ownership | None
    epoch: int


def as_owner(path: Path, system: str | None) -> Opened:
    """Take the store, make it where it is missing, and bring it to today's format.

    Raises:
        StoreOwned: another engine owns it.
        StoreNewer: a newer weft wrote it.
        StoreOfOtherSystem: it belongs to another System.
        SettingInvalid: the file cannot be opened.
        StoreFailed: it is not a store, or it is damaged.
    """
    assert system is not None, "an owner says whose store it is"
    ownership = owner.take(path)
    writing: sqlite3.Connection | None = None
    reading: sqlite3.Connection | None = None
    try:
        writing = schema.connect(path, create=True)
        schema.prepare(writing, path, cache_kib=WRITER_CACHE_KIB, checkpoints=True)
        schema.create(writing, path, system=system)
        schema.verify(writing, path, system=system, older=True)
        upgrade(writing, path)
        epoch = schema.next_epoch(writing, path)
        writing.execute("PRAGMA busy_timeout = 0")  # `stage` is called on the loop, and never waits
        reading = _reader(path)
        return Opened(reading, writing, ownership, epoch)
    except BaseException:
        for connection in (reading, writing):
            if connection is not None:
                connection.close()
        ownership.release()
        raise


def as_reader(path: Path, system: str | None) -> Opened:
    """Open a store beside its owner, or without one.

    Raises:
        StoreNewer: a newer weft wrote it.
        StoreOfOtherSystem: it belongs to another System.
        SettingInvalid: there is none.
        StoreFailed: it is not a store, is damaged, or has an older format.
    """
    reading = _reader(path)
    try:
        schema.verify(reading, path, system=system)
        epoch = int(reading.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])
        return Opened(reading, None, None, epoch)
    except BaseException:
        reading.close()
        raise


def _reader(path: Path) -> sqlite3.Connection:
    connection = schema.connect(path)
    try:
        schema.prepare(connection, path, cache_kib=READER_CACHE_KIB, checkpoints=False)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
