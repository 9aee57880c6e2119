"""Opening: what is made, what is left alone, and which URLs and tables are refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text, inspect

from tests.data.bank import Bank, bank_tables
from weft.data import Database
from weft.errors import SettingInvalid, TransactionMisused


async def test_open_again(file: Path) -> None:
    """Opening a file that is there keeps what is in it."""
    for amount in (100, 200):
        async with Database.open(f"sqlite:///{file}", tables=bank_tables) as db:
            await Bank(db).open_account(f"owner-{amount}", amount)

    async with Database.open(f"sqlite:///{file}") as db:
        assert await Bank(db).total() == 300


async def test_how_the_file_is_set_up(db: Database) -> None:
    """Commits are flushed, readers need not wait, and foreign keys are checked."""
    raw = db._link.raw

    found = [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert found == ["wal", 2, 1]
    assert {"weft_barrier", "weft_barrier_purge"} <= set(inspect(db._link.core).get_table_names())


async def test_provider(file: Path) -> None:
    """A host opens the database of a service by the service's name and a URL, and closes it again."""
    async with Database.provider("bank", f"sqlite:///{file}") as db:
        await db.create(bank_tables)
        await Bank(db).open_account("ada", 1)

    with pytest.raises(TransactionMisused, match="closed"):
        await Bank(db).open_account("bob", 1)
    with pytest.raises(TransactionMisused, match="closed"):
        await Bank(db).total()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "postgresql://host/name", "bank.db", "sqlite:////proc/none/bank.db"]
)
async def test_url_that_cannot_be_used(url: str) -> None:
    """A URL that names no file that can be written is refused with what to write instead."""
    with pytest.raises(SettingInvalid, match="do:"):
        await Database.open(url)


async def test_file_that_is_no_database(file: Path) -> None:
    """A file that holds something else is left alone."""
    await asyncio.to_thread(file.write_text, "dear diary, " * 100)

    with pytest.raises(SettingInvalid, match="cannot be opened"):
        await Database.open(f"sqlite:///{file}")

    assert (await asyncio.to_thread(file.read_text)).startswith("dear diary")


async def test_deferred_foreign_key(db: Database) -> None:
    """A constraint that is checked at the commit is refused, since others share the commit."""
    tables = MetaData()
    Table("parents", tables, Column("name", Text, primary_key=True))
    key = ForeignKey("parents.name", deferrable=True, initially="DEFERRED")
    Table("children", tables, Column("id", Integer, primary_key=True), Column("parent", Text, key))

    with pytest.raises(TransactionMisused, match="children has a deferred foreign key"):
        await db.create(tables)
