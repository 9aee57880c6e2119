"""Look through the whole file once: how many orders there are, what they need, and which are cancelled as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from hashlib import blake2b

from examples.shop.feed.lines import InvoiceLine
from examples.shop.values import OrderId, ReturnId, Sku


class Kind(Enum):
    """What an invoice of the file is to the shop: what its number says, and whether any of its lines count."""

    ORDER = "order"
    RETURN = "return"
    NO_SALE = "nothing sold"
    OTHER = "neither sale nor return"


def kind_of(invoice: str) -> Kind:
    """Tell by its number what an invoice may be: digits for an order, a C before them for a return."""
    if invoice.isdigit():
        return Kind.ORDER
    return Kind.RETURN if invoice[0] == "C" and invoice[1:].isdigit() else Kind.OTHER


def counts(line: InvoiceLine) -> bool:
    """Tell whether a line counts: in an order if it sells something, in a return if it brings something back."""
    kind = kind_of(line.invoice)
    return line.is_sale if kind is Kind.ORDER else kind is Kind.RETURN and line.quantity < 0


@dataclass(slots=True)
class Outline:
    """What is remembered of an invoice; two that move the same units of the same SKUs have the same `sum`."""

    first: InvoiceLine
    last: int
    counting: int = 0
    sum: int = 0

    @property
    def kind(self) -> Kind:
        """What the invoice is."""
        kind = kind_of(self.first.invoice)
        return kind if self.counting or kind is Kind.OTHER else Kind.NO_SALE


@dataclass(slots=True)
class Survey:
    """What one pass over a file tells.

    Attributes:
        last_line: by invoice, the line that ends it; some invoices are interrupted by others.
        units: by SKU, how many units all orders want.
        descriptions: by SKU, the first one that is not empty.
        cancels: by return, the order that it cancels: the latest of that customer and day with the same units.
        kinds: how many invoices of each kind there are.
        guests: how many orders name no customer.
        lines: how many lines the file has.
        uncounted: how many of them neither sell anything nor bring anything back.
    """

    last_line: dict[str, int] = field(default_factory=dict[str, int])
    units: Counter[Sku] = field(default_factory=Counter[Sku])
    descriptions: dict[Sku, str] = field(default_factory=dict[Sku, str])
    cancels: dict[ReturnId, OrderId] = field(default_factory=dict[ReturnId, OrderId])
    kinds: Counter[Kind] = field(default_factory=Counter[Kind])
    guests: int = 0
    lines: int = 0
    uncounted: int = 0


def survey(lines: Iterable[InvoiceLine]) -> Survey:
    """Look through the lines of a file; holds a few numbers for each invoice and SKU."""
    found = Survey()
    outlines: dict[str, Outline] = {}
    weights: dict[str, int] = {}
    for line in lines:
        outline = outlines.get(line.invoice)
        if outline is None:
            outline = outlines[line.invoice] = Outline(line, line.number)
        outline.last = line.number
        found.lines += 1
        if not counts(line):
            found.uncounted += 1
            continue
        outline.counting += 1
        weight = weights.get(line.sku) or weights.setdefault(line.sku, _weight(line.sku))
        outline.sum += abs(line.quantity) * weight
        if line.is_sale:
            found.units[Sku(line.sku)] += line.quantity
            if not found.descriptions.get(Sku(line.sku)):
                found.descriptions[Sku(line.sku)] = line.description
    found.last_line = {name: outline.last for name, outline in outlines.items()}
    found.kinds.update(outline.kind for outline in outlines.values())
    found.guests = sum(o.kind is Kind.ORDER and not o.first.customer for o in outlines.values())
    found.cancels = _cancellations(outlines.values())
    return found


def _weight(sku: str) -> int:
    return int.from_bytes(blake2b(sku.encode(), digest_size=16).digest())


def _cancellations(outlines: Iterable[Outline]) -> dict[ReturnId, OrderId]:
    """Find the returns that bring a whole order back on its day; each order is cancelled once."""
    open_orders: dict[tuple[str, date, int], list[OrderId]] = {}
    found: dict[ReturnId, OrderId] = {}
    for outline in outlines:
        line = outline.first
        same = (line.customer, line.at.date(), outline.sum)
        if not line.customer:
            continue
        if outline.kind is Kind.ORDER:
            open_orders.setdefault(same, []).append(OrderId(line.invoice))
        elif outline.kind is Kind.RETURN and open_orders.get(same):
            found[ReturnId(line.invoice)] = open_orders[same].pop()
    return found
