"""A refusal before any transaction, in a service that remembers its calls: what came of earlier attempts goes first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update

from weft.data import Database
from weft.host.settings import Settings
from weft.model.effect import idempotent
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World

metadata = MetaData()
stock = Table("shelf", metadata, Column("sku", Text, primary_key=True), Column("left", Integer, nullable=False))

AN_HOUR = timedelta(hours=1)
SOLD_OUT = "sold out"


class SoldOut(Declined):
    """None is left."""


class Shelf(Service, name="shelf", exactly_once=True, tables=metadata):
    """Looks before it takes."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def fill(self, sku: str, units: int) -> None:
        """Put units on the shelf."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(stock), {"sku": sku, "left": units})

    @operation(idempotent, raises=SoldOut)
    async def take(self, sku: str) -> str:
        """Take one, if any is left."""
        async with self.db.transaction(read_only=True) as tx:
            left = await tx.scalar(select(stock.c.left).where(stock.c.sku == sku))
        if not left:
            raise SoldOut
        async with self.db.transaction() as tx:
            await tx.execute(update(stock).where(stock.c.sku == sku), {"left": left - 1})
        return f"{sku}, {left - 1} left"


@workflow
async def buy(sku: str, *, shelf: Shelf) -> str:
    """Take one."""
    try:
        return await shelf.take(sku)
    except SoldOut:
        return SOLD_OUT


shop = System("shop", services=[Shelf], workflows=[buy])


@pytest.fixture(params=["file", "server"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Open the shop with its shelf in a file, and on a server."""
    url = f"sqlite:///{tmp_path}/shelf.db"
    if request.param == "server":
        url = request.getfixturevalue("postgresql_url")
    async with World(shop, settings=Settings(services={"shelf": {"database": url}})) as opened:
        yield opened


async def test_refused_after_it_was_applied(world: World) -> None:
    """The last one is taken and the reply lost: the next attempt, which finds none, is told what the first one took."""
    await world.proxy(Shelf).fill("cup", 1)
    world.faults.lose_reply(Shelf.take, times=1)

    run = await world.start(buy, "cup", id="b-1")
    await world.advance(AN_HOUR)

    assert await run.result() == "cup, 0 left"
    assert (world.sent(Shelf.take), world.applied(Shelf.take)) == (2, 1)


async def test_applied_after_it_was_refused(world: World) -> None:
    """A refusal whose reply was lost stands, also where the next attempt would find some."""
    world.faults.lose_reply(Shelf.take, times=1)
    run = await world.start(buy, "cup", id="b-1")
    await world.advance(timedelta())

    await world.proxy(Shelf).fill("cup", 1)
    await world.advance(AN_HOUR)

    assert await run.result() == SOLD_OUT
    assert (world.sent(Shelf.take), world.applied(Shelf.take)) == (2, 0)
