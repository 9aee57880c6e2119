"""A store that an older weft wrote becomes one of today's, whole or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.stores import new_entry, owned, read
from weft.engine.embedded import schema
from weft.engine.embedded.store import EntryRow
from weft.errors import StoreFailed

OLDER = sorted((Path(__file__).parents[2] / "histories/stores").glob("*.sql"), key=lambda path: int(path.stem))
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
INDEXES = "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%' ORDER BY name"


@pytest.fixture(params=OLDER, ids=lambda path: f"format-{path.stem}")
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a store of every format that there has been."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text())
    return path


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the columns of every table, and the indexes."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute(TABLES)]
        shape = {name: sorted(row[1:] for row in connection.execute(f"PRAGMA table_info({name})")) for name in names}
        return {**shape, "indexes": connection.execute(INDEXES).fetchall()}


def test_every_older_format_is_kept() -> None:
    """There is a store of each format before today's."""
    assert [int(path.stem) for path in OLDER] == list(range(1, schema.FORMAT))


def test_owner_upgrades_and_loses_nothing(older: Path) -> None:
    """The owner of an older store finds its runs and journals, and writes on."""
    with owned(older) as store:
        run = store.find("place_order", "o-7")
        journal = store.journal(7)

    assert run is not None
    assert (run.key, run.chain, run.tenant) == (7, "chain-7", "acme")
    assert journal == [EntryRow(0, 2_000, *new_entry(7, 0)[3:])]


def test_upgraded_is_as_if_made_new(older: Path, tmp_path: Path) -> None:
    """An upgraded store has the tables and indexes of a new one."""
    with owned(older), owned(tmp_path / "new.db"):
        pass

    assert tables(older) == tables(tmp_path / "new.db")


def test_reader_of_an_older_store_is_told(older: Path) -> None:
    """Only an owner upgrades; a reader is told what to do, and changes nothing."""
    with pytest.raises(StoreFailed, match="has format 1"), read(older):
        pass

    with closing(sqlite3.connect(older)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
