"""Carts: filled line by line, checked out once, given back as they were."""

from __future__ import annotations

from decimal import Decimal

import pytest

from examples.shop.services.cart import CartClosed, CartDiffers, SqlCarts
from examples.shop.services.user import AccountClosed, SqlUsers
from tests.examples.shop.orders import ADA, HEART, LANTERN, order_of

ORDER = order_of((HEART, 6, "2.55"), (LANTERN, 6, "3.39"))


async def test_cart_is_filled_and_checked_out(carts: SqlCarts) -> None:
    """What was put into the cart is what the order costs."""
    for number, line in enumerate(ORDER.lines, start=1):
        await carts.put(ORDER.id, number, line)

    total = await carts.check_out(ORDER)

    assert total == Decimal("35.64")
    assert await carts.contents(ORDER.id) == ORDER.lines


async def test_line_is_replaced_and_taken_out(carts: SqlCarts) -> None:
    """A line that is put twice is there once; one that is taken out twice is gone."""
    first, second = ORDER.lines
    await carts.put(ORDER.id, 1, first)
    await carts.put(ORDER.id, 1, second)
    await carts.put(ORDER.id, 2, first)

    await carts.take_out(ORDER.id, 2)
    await carts.take_out(ORDER.id, 2)

    assert await carts.contents(ORDER.id) == (second,)


async def test_order_from_elsewhere_brings_its_cart(carts: SqlCarts) -> None:
    """A cart that nobody opened holds the order's lines after its check-out."""
    await carts.check_out(ORDER)

    assert await carts.contents(ORDER.id) == ORDER.lines


async def test_cart_is_checked_out_once(carts: SqlCarts) -> None:
    """A cart that was checked out takes no more lines and becomes no second order."""
    await carts.check_out(ORDER)

    with pytest.raises(CartClosed):
        await carts.check_out(ORDER)
    with pytest.raises(CartClosed):
        await carts.put(ORDER.id, 3, ORDER.lines[0])
    with pytest.raises(CartClosed):
        await carts.take_out(ORDER.id, 1)


async def test_cart_that_differs_from_its_order_is_refused(carts: SqlCarts) -> None:
    """Nobody buys what is not in the cart."""
    await carts.put(ORDER.id, 1, ORDER.lines[0])

    with pytest.raises(CartDiffers):
        await carts.check_out(ORDER)


async def test_reopened_cart_is_as_it_was(carts: SqlCarts) -> None:
    """After the undo the buyer has the lines again and may check out once more."""
    await carts.check_out(ORDER)

    await carts.reopen(ORDER)
    await carts.reopen(ORDER)

    assert await carts.contents(ORDER.id) == ORDER.lines
    assert await carts.check_out(ORDER) == Decimal("35.64")


async def test_closed_account_checks_nothing_out(carts: SqlCarts, users: SqlUsers) -> None:
    """The cart asks the users before it closes."""
    await users.close_account(ADA)

    with pytest.raises(AccountClosed):
        await carts.check_out(ORDER)
    assert await carts.contents(ORDER.id) == ()
