"""Catalog: products on sale, and quotes that stand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from examples.shop.services.catalog import Product, QuoteStands, SqlCatalog, UnknownSku
from examples.shop.values import Order, Sku
from tests.examples.shop.orders import HEART, LANTERN, order_of


async def test_quote_is_the_sum_of_the_lines(goods: SqlCatalog) -> None:
    """Each line has its own price, also where a SKU repeats, and is rounded to the penny."""
    order = order_of((HEART, 6, "2.55"), (HEART, 2, "2.95"), (LANTERN, 1, "0.005"))

    assert await goods.quote(order.id, order.lines) == Decimal("21.21")


async def test_same_lines_get_the_same_quote(goods: SqlCatalog) -> None:
    """Asking again is harmless, even when a product was withdrawn meanwhile."""
    order = order_of((HEART, 6, "2.55"))
    first = await goods.quote(order.id, order.lines)

    await goods.withdraw(HEART)

    assert await goods.quote(order.id, order.lines) == first


async def test_other_lines_for_the_same_order_are_refused(goods: SqlCatalog) -> None:
    """A quote that was given stands."""
    order = order_of((HEART, 6, "2.55"))
    await goods.quote(order.id, order.lines)

    with pytest.raises(QuoteStands):
        await goods.quote(order.id, order_of((HEART, 6, "2.45")).lines)


async def test_unknown_sku_is_refused(goods: SqlCatalog) -> None:
    """What the catalog does not list has no price."""
    order = order_of((HEART, 6, "2.55"), (Sku("99999"), 1, "1"))

    with pytest.raises(UnknownSku) as refusal:
        await goods.quote(order.id, order.lines)

    assert refusal.value.sku == "99999"


async def test_withdrawn_product_is_unknown_until_it_is_listed_again(goods: SqlCatalog) -> None:
    """Listing a product again puts it back on sale, with its new description."""
    await goods.withdraw(HEART)
    assert await goods.product(HEART) is None

    await goods.list_products((Product(HEART, "A better heart"), Product(Sku("1"), "new")))

    assert await goods.product(HEART) == Product(HEART, "A better heart")
    assert await goods.product(Sku("1")) == Product(Sku("1"), "new")


async def test_order_of_675_lines_is_quoted(goods: SqlCatalog) -> None:
    """The largest order of the file is nothing special."""
    order: Order = order_of(*[(HEART, 1, "0.85")] * 675)

    assert await goods.quote(order.id, order.lines) == Decimal("573.75")
