"""A file that cannot be used as a store says what is wrong with it, and a full disk takes nothing with it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.stores import new_entry, new_run, owned, read, with_runs
from weft.engine.embedded import schema
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.store import Store
from weft.errors import EntryCorrupt, SettingInvalid, StoreFailed, StoreNewer, StoreOfOtherSystem

PAGE = 4_096
ENTRY_OF_RUN_1 = b"one" * 600


def filled(path: Path) -> None:
    """Make a closed store with two runs of forty entries."""
    with owned(path) as store:
        store.write(Batch(runs=[new_run(1)], entries=[new_entry(1, seq, entry=ENTRY_OF_RUN_1) for seq in range(40)]))
        store.write(Batch(runs=[new_run(2)], entries=[new_entry(2, seq, entry=bytes(2_000)) for seq in range(40)]))


def executed(path: Path, *statements: str) -> None:
    """Change a closed store with SQLite itself."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_full_disk(tmp_path: Path) -> None:
    """A commit that finds no space fails as a whole, and what was there before is there."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        pages = store._writer().execute("PRAGMA page_count").fetchone()[0]
        store._writer().execute(f"PRAGMA max_page_count = {pages + 4}")

        with pytest.raises(StoreFailed, match="SQLITE_FULL") as full:
            store.write(Batch(runs=[new_run(2)], entries=[new_entry(2, seq, entry=bytes(1_000)) for seq in range(40)]))

        assert "make space on the disk" in str(full.value)
        assert [run.key for run in store.list_runs(limit=10)] == [1]
        store.write(with_runs(3))


@pytest.mark.parametrize("owner", [True, False])
def test_store_of_a_newer_version(tmp_path: Path, owner: bool) -> None:  # noqa: FBT001 - a case of this test
    """A store in a format of the future is left alone, by engines and by views."""
    filled(tmp_path / "shop.db")
    executed(tmp_path / "shop.db", f"PRAGMA user_version = {schema.FORMAT + 1}")

    with pytest.raises(StoreNewer, match=f"has format {schema.FORMAT + 1}"):
        Store.open(tmp_path / "shop.db", system="shop", owner=owner)


def test_store_of_another_system(tmp_path: Path) -> None:
    """A store belongs to the System that made it; the error names both."""
    filled(tmp_path / "shop.db")

    with pytest.raises(StoreOfOtherSystem, match="'shop', not to 'bank'") as refused:
        Store.open(tmp_path / "shop.db", system="bank", owner=True)

    assert refused.value.data == {"owner": "shop", "system": "bank"}
    with closing(Store.open(tmp_path / "shop.db", system=None, owner=False)) as view:
        assert view.row(1) is not None


def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A file of something else is refused and not touched."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"Dear diary, " * 1_000)

    with pytest.raises(StoreFailed, match="SQLITE_NOTADB"):
        Store.open(path, system="shop", owner=True)

    assert path.read_bytes() == b"Dear diary, " * 1_000


def test_database_of_somebody_else(tmp_path: Path) -> None:
    """A database with other tables is refused and not touched."""
    executed(tmp_path / "bank.db", "CREATE TABLE accounts (id INTEGER)")

    with pytest.raises(StoreFailed, match="not a weft store"):
        Store.open(tmp_path / "bank.db", system="shop", owner=True)

    with closing(sqlite3.connect(tmp_path / "bank.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("accounts",)]


def test_view_of_no_store(tmp_path: Path) -> None:
    """Looking at a store that is not there makes none."""
    with pytest.raises(SettingInvalid, match="no store"):
        Store.open(tmp_path / "shop.db", system="shop", owner=False)

    assert list(tmp_path.iterdir()) == []


def test_store_whose_creation_was_cut_off(tmp_path: Path) -> None:
    """An empty file, as a crash during creation leaves it, becomes a store."""
    (tmp_path / "shop.db").touch()
    executed(tmp_path / "shop.db", "PRAGMA journal_mode = WAL")

    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))

        assert store.row(1) is not None


def test_entry_of_the_wrong_type(tmp_path: Path) -> None:
    """A value that is not what was written is reported with its run and place; other runs can be read."""
    filled(tmp_path / "shop.db")
    executed(
        tmp_path / "shop.db",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'journal'",
    )
    executed(tmp_path / "shop.db", "UPDATE journal SET entry = 'text' WHERE run = 1 AND seq = 3")

    with owned(tmp_path / "shop.db") as store:
        with pytest.raises(EntryCorrupt) as corrupt:
            store.journal(1)

        assert corrupt.value.data == {"run": 1, "seq": 3}
        assert len(store.journal(2)) == 40


def test_entry_that_is_missing(tmp_path: Path) -> None:
    """A gap in a journal is reported, and is not replayed over."""
    filled(tmp_path / "shop.db")
    executed(tmp_path / "shop.db", "DELETE FROM journal WHERE run = 1 AND seq = 7")

    with owned(tmp_path / "shop.db") as store, pytest.raises(EntryCorrupt, match="entry 7 of run 1"):
        store.journal(1)


def test_damaged_pages(tmp_path: Path) -> None:
    """Pages that are no longer SQLite's are an error of the run that lies there; all others can be read."""
    filled(tmp_path / "shop.db")
    content = (tmp_path / "shop.db").read_bytes()
    pages = [content[start : start + PAGE] for start in range(0, len(content), PAGE)]
    damaged = [b"\xff" * PAGE if ENTRY_OF_RUN_1 in page else page for page in pages]
    (tmp_path / "shop.db").write_bytes(b"".join(damaged))

    with read(tmp_path / "shop.db") as view:
        with pytest.raises(EntryCorrupt) as corrupt:
            view.journal(1)

        assert corrupt.value.data["run"] == 1
        assert len(view.journal(2)) == 40
        assert len(view.list_runs(limit=10)) == 2


def test_damaged_header(tmp_path: Path) -> None:
    """A store whose first page is gone says that it is not a database any more."""
    filled(tmp_path / "shop.db")
    with (tmp_path / "shop.db").open("r+b") as file:
        file.write(b"\xff" * PAGE)

    with pytest.raises(StoreFailed, match="restore it from a backup"):
        Store.open(tmp_path / "shop.db", system="shop", owner=True)


def test_unreadable_value_stops_its_batch_only(tmp_path: Path) -> None:
    """A value that cannot be stored fails its batch and leaves no transaction open."""
    with owned(tmp_path / "shop.db") as store:
        with pytest.raises(StoreFailed):
            store.write(Batch(runs=[new_run(2**70)]))

        store.write(with_runs(1))

        assert store.row(1) is not None
