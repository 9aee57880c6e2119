"""What the tests of the data room share: a small bank, and a driver that plays the dispatcher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.data.bank import Bank, bank_tables
from weft.data import Database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the database of a test lives."""
    return tmp_path / "bank.db"


@pytest.fixture
async def db(file: Path) -> AsyncIterator[Database]:
    """Open a database with the bank's tables."""
    async with Database.open(f"sqlite:///{file}", tables=bank_tables) as opened:
        yield opened


@pytest.fixture
async def bank(db: Database) -> Bank:
    """Return a bank in which ada and bob have 100 each."""
    bank = Bank(db)
    await bank.open_account("ada", 100)
    await bank.open_account("bob", 100)
    return bank
