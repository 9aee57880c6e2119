"""Turn the lines of a file into orders and returns, in the order of the file, lazily."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from examples.shop.feed.lines import InvoiceLine
from examples.shop.feed.survey import Kind, Survey, counts, kind_of
from examples.shop.values import CustomerId, Item, Line, Order, OrderId, ReturnId, ReturnRequest, Sku

HOLD = timedelta(days=14)
"""How long an order is kept back whose customer cancels it, as the file knows, on the same day."""


def requests(
    lines: Iterable[InvoiceLine], found: Survey, *, orders: int | None = None
) -> Iterator[Order | ReturnRequest]:
    """Yield orders and returns in the order of their first lines.

    Args:
        lines: of the whole file.
        found: what the survey of the same file told.
        orders: stop before the order that comes after so many, not before the returns in between; nothing for all.
            Cancellations of orders that were yielded are yielded in any case: nobody else would end their waiting.
    """
    cancelled = set(found.cancels.values())
    awaited: set[OrderId] = set()
    taken = 0
    for name, whole in _invoices(lines, found.last_line):
        kept = [line for line in whole if counts(line)]
        kind = kind_of(name) if kept else Kind.NO_SALE
        closed = orders is not None and taken > orders
        if closed and not awaited:
            return
        if kind is Kind.ORDER:
            taken += 1
            if orders is None or taken <= orders:
                order = _order(whole[0], kept, cancelled)
                awaited |= {order.id} & cancelled
                yield order
        elif kind is Kind.RETURN:
            cancels = found.cancels.get(ReturnId(name))
            if cancels in awaited or (cancels is None and not closed):
                awaited -= {cancels}
                yield _return(whole[0], kept, cancels)


def _invoices(lines: Iterable[InvoiceLine], last_line: dict[str, int]) -> Iterator[tuple[str, list[InvoiceLine]]]:
    """Put lines together to invoices, in the order of their first lines; holds only what is not complete."""
    waiting: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        waiting.setdefault(line.invoice, []).append(line)
        while waiting:
            oldest = next(iter(waiting))
            if waiting[oldest][-1].number < last_line[oldest]:
                break
            yield oldest, waiting.pop(oldest)


def _order(first: InvoiceLine, kept: list[InvoiceLine], cancelled: set[OrderId]) -> Order:
    name = OrderId(first.invoice)
    return Order(
        id=name,
        customer=CustomerId(first.customer) if first.customer else None,
        country=first.country,
        placed_at=first.at,
        position=first.number,
        lines=tuple(Line(Sku(line.sku), line.quantity, line.unit_price) for line in kept),
        hold=HOLD if name in cancelled else timedelta(),
    )


def _return(first: InvoiceLine, kept: list[InvoiceLine], cancels: OrderId | None) -> ReturnRequest:
    return ReturnRequest(
        id=ReturnId(first.invoice),
        customer=CustomerId(first.customer) if first.customer else None,
        asked_at=first.at,
        position=first.number,
        items=tuple(Item(Sku(line.sku), -line.quantity) for line in kept),
        cancels=cancels,
    )
