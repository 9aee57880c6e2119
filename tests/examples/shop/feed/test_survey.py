"""The survey of the shipped file, number for number, and what follows from it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from examples.shop.books.expected import read_file, settle
from examples.shop.feed.lines import InvoiceLine, read_lines
from examples.shop.feed.requests import HOLD, requests
from examples.shop.feed.shelf import OUT_OF_STOCK_ONE_IN, opening_plans, units_for
from examples.shop.feed.survey import Kind, Survey, survey
from examples.shop.values import Order, ReturnRequest, Sku, lot
from tests.examples.shop.orders import WHEN

FILE = Path(__file__).parents[4] / "examples/shop/data/online_retail_first8000.csv.gz"


@pytest.fixture(scope="module")
def found() -> Survey:
    """Return the survey of the shipped file."""
    return survey(read_lines(FILE))


def line(invoice: str, *, number: int, sku: str = "1", quantity: int = 1, customer: str = "17850") -> InvoiceLine:
    """Return a line at a price of one pound."""
    return InvoiceLine(number, invoice, sku, "", quantity, WHEN, Decimal(1), customer, "France")


def test_shipped_file_has_its_counts(found: Survey) -> None:
    """Nothing of the file is dropped: every invoice is of one kind, every line counts or is counted."""
    assert found.lines == 160_038
    assert found.kinds == {Kind.ORDER: 6_004, Kind.RETURN: 1_270, Kind.NO_SALE: 726}
    assert found.guests == 551


def test_shipped_file_yields_its_orders(found: Survey) -> None:
    """Orders have 1 to 675 lines and guests no customer; returns name what they cancel."""
    everything = list(requests(read_lines(FILE), found))

    orders = [each for each in everything if isinstance(each, Order)]
    returns = [each for each in everything if isinstance(each, ReturnRequest)]
    sizes = [len(order.lines) for order in orders]
    assert (len(orders), min(sizes), max(sizes)) == (6_004, 1, 675)
    assert sum(order.customer is None for order in orders) == 551
    assert len(returns) == 1_270
    assert sum(each.cancels is not None for each in returns) == sum(order.hold == HOLD for order in orders) == 22


def test_returns_match_as_the_file_says() -> None:
    """Of 1,270 returns 807 match wholly, 92 in part, 66 have no customer."""
    settled = settle(read_file(FILE), {}).values()

    counts = [sum(each.match == match for each in settled) for match in ("whole", "part", "no customer", "none")]
    assert counts == [807, 92, 66, 305]


def test_first_orders_come_with_the_returns_that_end_them(found: Survey) -> None:
    """A part of the file is a part of the whole, and no order of it waits for a cancellation that is not in it."""
    whole = list(requests(read_lines(FILE), found))
    part = list(requests(read_lines(FILE), found, orders=300))

    held = {order.id for order in part if isinstance(order, Order) and order.hold}
    cancelled = {each.cancels for each in part if isinstance(each, ReturnRequest)} - {None}
    assert sum(isinstance(each, Order) for each in part) == 300
    assert held == cancelled
    assert [each for each in whole if each in part] == part


def test_interrupted_invoice_is_one_order() -> None:
    """Lines of one invoice belong together, also when those of another stand between them."""
    lines = [line("1", number=2), line("2", number=3), line("1", number=4, sku="2"), line("3", number=5)]

    orders = list(requests(lines, survey(lines)))

    assert [(each.id, each.position) for each in orders] == [("1", 2), ("2", 3), ("3", 5)]
    assert len(orders[0].lines if isinstance(orders[0], Order) else ()) == 2


def test_other_invoices_are_counted() -> None:
    """An invoice that is neither sale nor return is no order, and not forgotten."""
    lines = [line("A1", number=2), line("1", number=3, quantity=-1), line("C1", number=4)]

    found = survey(lines)

    assert found.kinds == {Kind.OTHER: 1, Kind.NO_SALE: 2}
    assert found.uncounted == 3
    assert list(requests(lines, found)) == []


def test_order_is_held_for_the_return_that_cancels_it() -> None:
    """The same units on the same day cancel the latest order that has them, once."""
    lines = [line("1", number=2), line("2", number=3), *(line(f"C{n}", number=n, quantity=-1) for n in (4, 5, 6))]

    first, second, *returns = requests(lines, survey(lines))

    assert isinstance(first, Order)
    assert first.hold > timedelta()
    assert second.id == "2"
    assert [each.cancels for each in returns if isinstance(each, ReturnRequest)] == ["2", "1", None]


def test_sku_has_stock_for_all_its_lines_or_none(found: Survey) -> None:
    """What is on the shelf follows from the SKU, never from who comes first."""
    plans = opening_plans(found)

    kept = {supply.sku: supply.keep for plan in plans for supply in plan.supplies}
    assert kept.keys() == found.units.keys()
    assert {sku for sku, units in kept.items() if not units} == {
        sku for sku in kept if lot("stock", sku) % OUT_OF_STOCK_ONE_IN == 0
    }
    assert all(units in {0, found.units[sku]} for sku, units in kept.items())
    assert units_for(Sku("85123A"), 6) == 6
