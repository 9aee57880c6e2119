"""Restocking: the shelf is filled up on a timer, with what is missing and no more."""

from __future__ import annotations

from datetime import timedelta

from examples.shop.services.catalog import Catalog
from examples.shop.services.inventory import Inventory
from examples.shop.values import OrderId, Sku
from examples.shop.workflows.restock import RestockPlan, Supply, delivered, restock
from tests.examples.shop.orders import HEART, items_of
from weft.testing import World

NEW = Sku("22139")
PLAN = RestockPlan("weekly", (Supply(HEART, "A heart", 20), Supply(NEW, "A teapot", 0)), timedelta(days=7), rounds=3)


async def test_shelf_is_filled_up_every_week(world: World) -> None:
    """Each round delivers what was sold since the last, up to what should be there."""
    run = await world.start(restock, PLAN, id=PLAN.id)
    await world.settle()
    inventory = world.proxy(Inventory)
    assert await inventory.available((HEART,)) == {HEART: 20}

    await inventory.reserve(OrderId("1"), items_of((HEART, 15)))
    await world.advance(timedelta(days=6))
    assert await inventory.available((HEART,)) == {HEART: 5}
    await world.advance(timedelta(days=2))

    assert await inventory.available((HEART,)) == {HEART: 20}
    assert await run.read(delivered) == 25
    await world.advance(timedelta(days=30))
    assert await run.result() == 25


async def test_product_without_stock_is_listed(world: World) -> None:
    """What is kept at nothing can be seen and not be sold."""
    await world.start(restock, PLAN, id=PLAN.id)
    await world.settle()

    assert await world.proxy(Catalog).product(NEW) is not None
    assert await world.proxy(Inventory).available((NEW,)) == {NEW: 0}


async def test_lost_reply_delivers_once(world: World) -> None:
    """A delivery whose reply is lost did not arrive twice."""
    world.faults.lose_reply(Inventory.deliver, times=1)

    await world.start(restock, PLAN, id=PLAN.id)
    await world.advance(timedelta(minutes=5))

    assert await world.proxy(Inventory).available((HEART,)) == {HEART: 20}
