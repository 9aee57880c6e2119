"""Values: what cannot be right cannot be built, and money is rounded in one place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from examples.shop.values import Item, Line, Sku, amount_of, lot, refund_of
from tests.examples.shop.orders import HEART, LANTERN, items_of, order_of


def test_repeated_sku_is_one_item() -> None:
    """What an order asks of the shelf is counted by SKU."""
    order = order_of((LANTERN, 1, "3.39"), (HEART, 6, "2.55"), (HEART, 2, "2.95"))

    assert order.items == items_of((LANTERN, 1), (HEART, 8))


@pytest.mark.parametrize(("quantity", "price"), [(0, "1"), (-1, "1"), (1, "0"), (1, "-0.01")])
def test_line_without_quantity_or_price_is_none(quantity: int, price: str) -> None:
    """Nothing, or for nothing, is no line of an order."""
    with pytest.raises(ValueError, match="are no line"):
        Line(Sku("1"), quantity, Decimal(price))


def test_empty_things_are_refused() -> None:
    """An item has units and an order has lines."""
    with pytest.raises(ValueError, match="no item"):
        Item(HEART, 0)
    with pytest.raises(ValueError, match="no lines"):
        order_of()


def test_amounts_are_rounded_to_the_penny() -> None:
    """Half a penny is charged as one and paid back as none."""
    assert (amount_of(1, Decimal("0.005")), refund_of(1, Decimal("0.005"))) == (Decimal("0.01"), Decimal("0.00"))
    assert amount_of(3, Decimal("2.55")) == refund_of(3, Decimal("2.55")) == Decimal("7.65")


def test_lots_are_the_same_for_ever() -> None:
    """A lot is a CRC-32 that anybody can compute."""
    assert (lot("card", "536365"), lot("mail", "536365")) == (2223467583, 729907232)
