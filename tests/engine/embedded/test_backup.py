"""Backups of a store that is written meanwhile, and what is left of one that failed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.engine.embedded.stores import child, line_of, new_entry, owned, read, with_runs
from weft.engine.embedded.backup import PAGES_AT_ONCE, back_up
from weft.engine.embedded.batch import Batch
from weft.errors import StoreFailed

LARGE = b"x" * 4_000

BACK_UP_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from weft.engine.embedded.backup import back_up
from weft.errors import StoreFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    back_up(Path(sys.argv[1]), Path(sys.argv[2]), told=lambda *_: None)
except StoreFailed as error:
    print(error.code, flush=True)
"""


def filled(path: Path, *, entries: int) -> None:
    """Make a store of some size."""
    with owned(path) as store:
        store.write(with_runs(1))
        store.write(Batch(entries=[new_entry(1, seq, entry=LARGE) for seq in range(1, entries)]))


def test_a_backup_is_one_moment_though_the_store_is_written(tmp_path: Path) -> None:
    """What the engine commits while pages are copied is not in the copy, and does not make it begin again."""
    path = tmp_path / "s.db"
    filled(path, entries=3 * PAGES_AT_ONCE)
    looks: list[int] = []

    with owned(path) as store:

        def told(done: int, total: int) -> None:
            looks.append(done)
            store.write(with_runs(100 + len(looks)))
            assert total > 2 * PAGES_AT_ONCE

        back_up(path, tmp_path / "copy.db", told=told)

    assert len(looks) >= 3
    assert looks == sorted(looks)
    with read(tmp_path / "copy.db") as copy:
        assert (copy.max_key(), len(copy.journal(1))) == (1, 3 * PAGES_AT_ONCE)
        assert copy.select("PRAGMA integrity_check") == [("ok",)]


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A copy that is interrupted, by an error or by hand, is not there afterwards, and the next one works."""
    path = tmp_path / "s.db"
    filled(path, entries=3 * PAGES_AT_ONCE)

    def interrupted(done: int, total: int) -> None:
        del done, total
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StoreFailed, match="disk is full"):
        back_up(path, tmp_path / "copy.db", told=interrupted)

    assert sorted(each.name for each in tmp_path.glob("copy*")) == []
    assert back_up(path, tmp_path / "copy.db", told=lambda *_: None) > 0


def test_a_backup_without_room_leaves_nothing(tmp_path: Path) -> None:
    """Where the copy cannot grow, nothing of it stays, its own log neither."""
    path = tmp_path / "s.db"
    filled(path, entries=PAGES_AT_ONCE)

    process = child(BACK_UP_WITHOUT_ROOM, path, tmp_path / "copy.db")
    code = line_of(process)
    process.communicate()

    assert code == "WEFT-E313"
    assert sorted(each.name for each in tmp_path.glob("copy*")) == []


def test_a_backup_can_be_owned(tmp_path: Path) -> None:
    """An engine starts on a copy as on any store."""
    filled(tmp_path / "s.db", entries=3)
    back_up(tmp_path / "s.db", tmp_path / "copy.db", told=lambda *_: None)

    with owned(tmp_path / "copy.db") as copy:
        copy.write(with_runs(2))
        assert copy.max_key() == 2
