"""A demo of the first orders takes the same part of the file as the books that are computed a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.shop.books.expected import read_file
from examples.shop.feed.lines import read_lines
from examples.shop.feed.requests import requests
from examples.shop.feed.survey import survey
from examples.shop.values import Order

FILE = Path(__file__).parents[4] / "examples" / "shop" / "data" / "online_retail_first8000.csv.gz"


@pytest.mark.parametrize("orders", [1, 150, 151, 400])
def test_feed_and_books_take_the_same_orders_and_returns(orders: int) -> None:
    """Returns between the last order that is taken and the next one belong to both, or to neither."""
    found = survey(read_lines(FILE))

    fed = list(requests(read_lines(FILE), found, orders=orders))
    booked = read_file(FILE, orders=orders)

    assert [order.id for order in fed if isinstance(order, Order)] == list(booked.orders)
    assert {back.id for back in fed if not isinstance(back, Order)} == set(booked.returns)
