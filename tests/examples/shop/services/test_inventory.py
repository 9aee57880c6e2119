"""Inventory: all or nothing is held, and no unit is lost on any way through."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from examples.shop.services.inventory import HoldExists, NothingHeld, OutOfStock, SqlInventory
from examples.shop.services.inventory import stock as table
from examples.shop.values import OrderId, ReturnId
from tests.examples.shop.orders import HEART, LANTERN, items_of

ONE, TWO = OrderId("1"), OrderId("2")


async def test_repeated_sku_is_held_in_sum(stock: SqlInventory) -> None:
    """A SKU on two lines needs the units of both."""
    await stock.deliver("d", items_of((HEART, 5)))

    with pytest.raises(OutOfStock):
        await stock.reserve(ONE, items_of((HEART, 3), (HEART, 3)))
    await stock.reserve(TWO, items_of((HEART, 3), (HEART, 2)))

    assert await stock.available((HEART,)) == {HEART: 0}


async def test_nothing_is_held_when_one_sku_is_short(stock: SqlInventory) -> None:
    """An order gets all of its items or none."""
    await stock.deliver("d", items_of((HEART, 5), (LANTERN, 1)))

    with pytest.raises(OutOfStock) as refusal:
        await stock.reserve(ONE, items_of((HEART, 5), (LANTERN, 2)))

    assert (refusal.value.sku, refusal.value.available) == (LANTERN, 1)
    assert await stock.available((HEART, LANTERN)) == {HEART: 5, LANTERN: 1}


async def test_unknown_sku_is_out_of_stock(stock: SqlInventory) -> None:
    """What was never delivered is not there."""
    with pytest.raises(OutOfStock):
        await stock.reserve(ONE, items_of((HEART, 1)))

    assert await stock.available((HEART,)) == {HEART: 0}


async def test_release_puts_everything_back_once(stock: SqlInventory) -> None:
    """Released goods are available again, also when the undo comes twice or without a hold."""
    await stock.deliver("d", items_of((HEART, 5)))
    items = items_of((HEART, 4))
    await stock.reserve(ONE, items)

    await stock.release(ONE, items)
    await stock.release(ONE, items)
    await stock.release(TWO, items)

    assert await stock.available((HEART,)) == {HEART: 5}


async def test_order_holds_once(stock: SqlInventory) -> None:
    """A second hold for one order is refused, even after the first was released."""
    await stock.deliver("d", items_of((HEART, 5)))
    await stock.reserve(ONE, items_of((HEART, 1)))

    with pytest.raises(HoldExists):
        await stock.reserve(ONE, items_of((HEART, 1)))


async def test_shipped_goods_have_left_and_may_be_held_again(stock: SqlInventory) -> None:
    """What is shipped cannot be released, unless the shipping is undone first."""
    await stock.deliver("d", items_of((HEART, 5)))
    items = items_of((HEART, 5))
    await stock.reserve(ONE, items)
    await stock.ship(ONE)

    await stock.release(ONE, items)
    assert await stock.available((HEART,)) == {HEART: 0}
    await stock.unship(ONE)
    await stock.release(ONE, items)

    assert await stock.available((HEART,)) == {HEART: 5}


async def test_nothing_is_shipped_without_a_hold(stock: SqlInventory) -> None:
    """An order for which nothing is held ships nothing."""
    with pytest.raises(NothingHeld):
        await stock.ship(ONE)


async def test_delivery_counts_once(stock: SqlInventory) -> None:
    """A delivery that is reported twice arrived once; sent back it is gone, but for what was sold."""
    await stock.deliver("d", items_of((HEART, 5)))
    await stock.deliver("d", items_of((HEART, 5)))
    await stock.reserve(ONE, items_of((HEART, 2)))

    await stock.send_back("d", items_of((HEART, 5)))
    await stock.send_back("d", items_of((HEART, 5)))

    assert await stock.available((HEART,)) == {HEART: 0}


async def test_returned_goods_are_available(stock: SqlInventory) -> None:
    """What a customer brings back can be sold again, until that is undone."""
    back, items = ReturnId("C1"), items_of((HEART, 2))
    await stock.take_back(back, items)
    await stock.take_back(back, items)
    assert await stock.available((HEART,)) == {HEART: 2}

    await stock.give_out(back, items)

    assert await stock.available((HEART,)) == {HEART: 0}


async def test_database_itself_refuses_to_lose_a_unit(stock: SqlInventory) -> None:
    """A statement that makes a unit vanish breaks a constraint, whoever wrote it."""
    await stock.deliver("d", items_of((HEART, 5)))

    with pytest.raises(IntegrityError, match="no_unit_is_lost"):
        async with stock.db.transaction() as tx:
            await tx.execute(table.update().values(available=4))

    async with stock.db.transaction() as tx:
        assert await tx.scalar(select(table.c.available)) == 5
