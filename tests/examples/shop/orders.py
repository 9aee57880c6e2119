"""Orders and returns for tests, and keys that draw a lot or do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from examples.shop.values import CustomerId, Item, Line, Order, OrderId, ReturnId, ReturnRequest, Sku, lot
from examples.shop.workflows.restock import RestockPlan, Supply

HEART, LANTERN = Sku("85123A"), Sku("71053")
ADA = CustomerId("17850")
WHEN = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def order_of(
    *lines: tuple[Sku, int, str], name: str = "536365", customer: CustomerId | None = ADA, hold: timedelta = timedelta()
) -> Order:
    """Return an order of lines (SKU, quantity, unit price); its position is the number in its name."""
    return Order(
        id=OrderId(name),
        customer=customer,
        country="United Kingdom",
        placed_at=WHEN,
        position=int(name),
        lines=tuple(Line(sku, quantity, Decimal(price)) for sku, quantity, price in lines),
        hold=hold,
    )


def items_of(*items: tuple[Sku, int]) -> tuple[Item, ...]:
    """Return items (SKU, quantity)."""
    return tuple(Item(sku, quantity) for sku, quantity in items)


def return_of(
    *items: tuple[Sku, int], name: str = "C600000", customer: CustomerId | None = ADA, cancels: OrderId | None = None
) -> ReturnRequest:
    """Return a request for items (SKU, quantity) to come back; its position is the number in its name."""
    return ReturnRequest(
        id=ReturnId(name),
        customer=customer,
        asked_at=WHEN + timedelta(days=7),
        position=int(name[1:]),
        items=items_of(*items),
        cancels=cancels,
    )


def name_with_lot(purpose: str, *, one_in: int, drawn: bool = True, start: int = 536365) -> str:
    """Return the first order number from `start` on whose lot is drawn, or is not."""
    return next(str(n) for n in count(start) if (lot(purpose, str(n)) % one_in == 0) is drawn)


def common_name(start: int = 536365) -> str:
    """Return an order number that the issuer, the carrier and the mail server have nothing against."""
    rules = (("card", 40), ("parcel", 50), ("mail", 30))
    return next(str(n) for n in count(start) if all(lot(purpose, str(n)) % one_in for purpose, one_in in rules))


OPENING = RestockPlan("opening", (Supply(HEART, "A heart", 10), Supply(LANTERN, "A lantern", 10)))
