"""Opening: what is made, what is left alone, and which URLs and tables are refused."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text

from tests.data.bank import Bank, bank_tables
from weft.data import Database
from weft.errors import SettingInvalid, TransactionMisused


async def test_open_again(url: str) -> None:
    """Opening a file that is there keeps what is in it."""
    for amount in (100, 200):
        async with Database.open(url, tables=bank_tables) as db:
            await Bank(db).open_account(f"owner-{amount}", amount)

    async with Database.open(url) as db:
        assert await Bank(db).total() == 300


async def test_provider(url: str) -> None:
    """A host opens the database of a service by the service's name and a URL, and closes it again."""
    async with Database.provider("bank", url) as db:
        await db.create(bank_tables)
        await Bank(db).open_account("ada", 1)

    with pytest.raises(TransactionMisused, match="closed"):
        await Bank(db).open_account("bob", 1)
    with pytest.raises(TransactionMisused, match="closed"):
        await Bank(db).total()


@pytest.mark.parametrize(
    "wrong", ["sqlite://", "sqlite:///:memory:", "bank.db", "mysql://host/name", "sqlite:////proc/none/bank.db"]
)
async def test_url_that_cannot_be_used(wrong: str) -> None:
    """A URL that names no file that can be written is refused with what to write instead."""
    with pytest.raises(SettingInvalid, match="do:"):
        await Database.open(wrong)


async def test_deferred_foreign_key(db: Database) -> None:
    """A constraint that is checked at the commit is refused, since others share the commit."""
    tables = MetaData()
    Table("parents", tables, Column("name", Text, primary_key=True))
    key = ForeignKey("parents.name", deferrable=True, initially="DEFERRED")
    Table("children", tables, Column("id", Integer, primary_key=True), Column("parent", Text, key))

    with pytest.raises(TransactionMisused, match="children has a deferred foreign key"):
        await db.create(tables)
