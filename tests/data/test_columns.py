"""Money and moments come back from a column exactly as they were put in, or are refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, func, select
from sqlalchemy.exc import StatementError

from weft.data import Database, Instant, Money

tables = MetaData()
sales = Table(
    "sales",
    tables,
    Column("id", Integer, primary_key=True),
    Column("price", Money(2)),
    Column("yen", Money(scale=0)),
    Column("sold_at", Instant),
)


async def put(url: str, *rows: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """Write rows and read them back in order."""
    async with Database.open(url, tables=tables) as db:
        async with db.transaction() as tx:
            for row in rows:
                await tx.execute(sales.insert(), row)
        async with db.transaction(read_only=True) as tx:
            query = select(sales.c.price, sales.c.yen, sales.c.sold_at).order_by(sales.c.id)
            return [tuple(row) for row in await tx.rows(query)]


@pytest.mark.parametrize("amount", ["0.01", "-12.34", "90000000000000.99", "0", "5", "1E+2"])
async def test_money_comes_back(url: str, amount: str) -> None:
    """An amount comes back exactly, with all its digits after the point."""
    [(price, _, _)] = await put(url, {"price": Decimal(amount)})

    assert price == Decimal(amount)
    assert str(price) == f"{Decimal(amount):.2f}"


async def test_money_adds_up_in_sql(url: str) -> None:
    """Sums and comparisons in SQL are exact, where floats would drift."""
    await put(url, *({"price": Decimal("0.10"), "yen": Decimal(3)} for _ in range(1000)))
    async with Database.open(url) as db, db.transaction(read_only=True) as tx:
        total = await tx.scalar(select(func.sum(sales.c.price)))
        dear = await tx.scalar(select(func.count()).where(sales.c.price > Decimal("0.09")))

    assert total == Decimal("100.00")
    assert dear == 1000


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (Decimal("0.001"), "more than 2 digits"),
        (Decimal("NaN"), "no amount"),
        (Decimal("1E+30"), "more money than"),
        (1.5, "not float"),
        (1, "not int"),
    ],
)
async def test_money_that_is_none(url: str, amount: object, reason: str) -> None:
    """What would have to be rounded, or is no decimal, is refused."""
    with pytest.raises(StatementError, match=reason):
        await put(url, {"price": amount})


@pytest.mark.parametrize("read_only", [True, False])
async def test_refused_value_leaves_the_block_as_it_was(url: str, *, read_only: bool) -> None:
    """A value that a column refuses ends neither the transaction nor its view, not even as its first statement."""
    await put(url, {"price": Decimal(1)})
    async with Database.open(url) as db, db.transaction(read_only=read_only) as tx:
        with pytest.raises(StatementError):
            await tx.execute(select(sales).where(sales.c.price == bindparam("price")), {"price": 1.5})
        if read_only:
            await put(url, {"price": Decimal(2)})

        assert await tx.scalar(select(func.count()).select_from(sales)) == 1


async def test_instants_come_back_and_sort(url: str) -> None:
    """Moments come back in UTC to the microsecond, whatever zone they were told in."""
    shanghai = timezone(timedelta(hours=8))
    moment = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=shanghai)
    before_1970 = datetime(1969, 12, 31, tzinfo=UTC)

    rows = await put(url, {"sold_at": moment}, {"sold_at": before_1970}, {})

    assert [row[2] for row in rows] == [moment, before_1970, None]
    assert rows[0][2].tzinfo is UTC


async def test_instant_without_a_zone(url: str) -> None:
    """A datetime without a time zone is no moment."""
    with pytest.raises(StatementError, match="no time zone"):
        await put(url, {"sold_at": datetime(2024, 2, 29)})  # noqa: DTZ001 - the mistake itself
