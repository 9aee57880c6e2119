"""Matching: which purchases a return takes up, and in which order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from examples.shop.matching import Purchase, decide
from examples.shop.values import Ending, Item, Match, OrderId, Refund, Sku, Verdict
from tests.examples.shop.orders import HEART, LANTERN, items_of


def bought(name: str, units: int, *, sku: Sku = HEART, ending: Ending | None = Ending.SHIPPED) -> Purchase:
    """Return a purchase at a price that tells the order by its amount."""
    position = int(name)
    return Purchase(OrderId(name), 1, sku, units, Decimal(position), position, ending)


def test_later_orders_give_first() -> None:
    """The last purchase is the first to come back."""
    decision = decide(items_of((HEART, 3)), [bought("1", 5), bought("2", 2)])

    assert decision.refunds == (Refund(OrderId("1"), Decimal("1.00")), Refund(OrderId("2"), Decimal("4.00")))


def test_shipped_orders_give_before_others() -> None:
    """Who has goods to return returns those, whatever else they once ordered."""
    decision = decide(items_of((HEART, 3)), [bought("1", 2), bought("2", 5, ending=Ending.OUT_OF_STOCK)])

    assert decision.refunds == (Refund(OrderId("1"), Decimal("2.00")),)
    assert [(s.item.quantity, s.verdict) for s in decision.shares] == [(2, Verdict.ACCEPTED), (1, Verdict.NOT_SHIPPED)]


def test_item_matches_as_a_whole_or_not_at_all() -> None:
    """Of a return that is larger than what was bought nothing is taken up."""
    decision = decide(items_of((HEART, 3), (HEART, 2), (LANTERN, 1)), [bought("1", 2)])

    assert decision.match is Match.PART
    assert [share.verdict for share in decision.shares] == [Verdict.NOT_BOUGHT, Verdict.ACCEPTED, Verdict.NOT_BOUGHT]


def test_cancelled_order_is_settled_already() -> None:
    """What was cancelled before it shipped matches, is no refusal, and costs nothing."""
    decision = decide(items_of((HEART, 2)), [bought("1", 2, ending=Ending.CANCELLED)])

    assert (decision.match, decision.refused, decision.refunds) == (Match.WHOLE, (), ())


def test_refunds_round_down() -> None:
    """Ten parts of a line never bring back more than the line has cost."""
    purchase = Purchase(OrderId("1"), 1, HEART, 1, Decimal("0.009"), 1, Ending.SHIPPED)

    assert decide(items_of((HEART, 1)), [purchase]).refunds == (Refund(OrderId("1"), Decimal("0.00")),)


units = st.integers(1, 9)


@given(st.lists(units, max_size=4), st.lists(units, max_size=4))
def test_no_unit_is_taken_up_twice(wanted: list[int], had: list[int]) -> None:
    """A decision accounts for every unit that comes back, and takes no more than was bought."""
    items = [Item(HEART, quantity) for quantity in wanted]
    purchases = [bought(str(number), quantity) for number, quantity in enumerate(had, start=1)]

    shares = decide(items, purchases).shares

    taken = sum(share.item.quantity for share in shares if share.verdict is Verdict.ACCEPTED)
    assert sum(share.item.quantity for share in shares) == sum(wanted)
    assert taken <= sum(had)
