"""What the tests of the data room share: a small bank on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeAlias

import pytest

from tests import servers
from tests.data.bank import Bank, bank_tables
from weft.data import Database

Fresh: TypeAlias = "Callable[[], AbstractContextManager[str]]"
"""Makes room for one more database and tells its URL."""


@pytest.fixture(params=["file", "server"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Return what makes room for a database of the kind under test, one after another."""
    if request.param == "server":
        return partial(servers.emptied, request.getfixturevalue("postgresql_url"))
    numbers = count()

    @contextmanager
    def file() -> Iterator[str]:
        yield f"sqlite:///{tmp_path}/bank-{next(numbers)}.db"

    return file


@pytest.fixture
def url(fresh: Fresh) -> Iterator[str]:
    """Return the URL of the database of a test."""
    with fresh() as made:
        yield made


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    """Open a database with the bank's tables."""
    async with Database.open(url, tables=bank_tables) as opened:
        yield opened


@pytest.fixture
async def bank(db: Database) -> Bank:
    """Return a bank in which ada and bob have 100 each."""
    bank = Bank(db)
    await bank.open_account("ada", 100)
    await bank.open_account("bob", 100)
    return bank
