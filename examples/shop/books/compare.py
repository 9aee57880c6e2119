"""Compare what must be with what is; every difference names the order, return or SKU that it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from examples.shop.books.expected import CANCELLED, SHIPPED, Expected, Order, Settlement, settle
from examples.shop.books.written import Stock, Written

OPEN = frozenset({"placed", "confirmed"})
REFUSALS = frozenset({"out of stock", "payment declined", "undeliverable"})
BY_HAND = "withdrawn"
"""How an order ends whose run an operator cancelled: no rule foresees it, and it must cost nothing."""


@dataclass(slots=True)
class Books:
    """The result in pennies: charged and refunded as the ledger says, confirmed and returned as the file does.

    Attributes:
        endings: by order.
        net: by order, what the shop kept.
        problems: by what they are about; an order's are named by its number.
        matches: returns of the file by how they match.
    """

    endings: dict[str, str]
    matches: Counter[str]
    net: dict[str, int]
    charged: int
    refunded: int
    confirmed: int
    returned: int
    undos: int
    problems: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def outcomes(self) -> Counter[str]:
        """Orders by how they ended."""
        return Counter(self.endings.values())

    @property
    def balanced(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """Return the books as JSON can hold them, money in pounds."""
        return {
            "orders": len(self.net),
            "outcomes": dict(sorted(self.outcomes.items())),
            "returns": dict(sorted(self.matches.items())),
            "net": pounds(sum(self.net.values())),
            "charged": pounds(self.charged),
            "refunded": pounds(self.refunded),
            "confirmed": pounds(self.confirmed),
            "returned": pounds(self.returned),
            "undos": self.undos,
            "books": "balanced" if self.balanced else "broken",
            "problems": self.problems,
        }


def pounds(pennies: int) -> str:
    """Return an amount as people write it."""
    return str(Decimal(pennies).scaleb(-2))


def compare(expected: Expected, written: Written, *, refusals: bool = False) -> Books:
    """Compare; `refusals` says that services may have declined what the rules allow, as faults can make them."""
    settled = settle(expected, written.endings)
    returned = Counter[str]()
    for settlement in settled.values():
        returned.update(settlement.refunds)
    books = Books(
        endings={name: written.endings.get(name, "lost") for name in expected.orders},
        matches=Counter(settlement.match for settlement in settled.values()),
        net={name: written.charged[name] - written.refunded[name] for name in expected.orders},
        charged=sum(written.charged.values()),
        refunded=sum(written.refunded.values()),
        confirmed=sum(order.total for name, order in expected.orders.items() if written.endings.get(name) == SHIPPED),
        returned=sum(returned.values()),
        undos=written.undos,
    )
    found = [
        *(each for order in expected.orders.values() for each in _order(order, written, refusals=refusals)),
        *(each for order in expected.orders.values() for each in _money(order, written, returned[order.name])),
        *(each for name, settlement in settled.items() for each in _return(name, settlement, written)),
        *_stock(expected, written, settled),
        *_ledger(expected, written, books),
    ]
    for about, what in found:
        books.problems.setdefault(about, []).append(what)
    return books


Problem = tuple[str, str]


def _order(order: Order, written: Written, *, refusals: bool) -> Iterator[Problem]:
    ending = written.endings.get(order.name)
    if ending is None:
        yield order.name, "lost: it is not in the order book"
        return
    if ending in OPEN:
        yield order.name, f"open for ever: it is still {ending}"
    elif ending not in {order.ending, BY_HAND} and not (refusals and ending in REFUSALS):
        yield order.name, f"ended as {ending!r}, the rules say {order.ending!r}"
    if written.lines.get(order.name) != [(line.sku, line.quantity, str(line.price)) for line in order.lines]:
        yield order.name, "its lines are not those of the file"
    if written.holds.get(order.name) == "held":
        yield order.name, "goods are held for it for ever"
    if (written.holds.get(order.name) == "shipped") is not (ending == SHIPPED):
        yield order.name, f"it ended as {ending!r}, and its goods are {written.holds.get(order.name)!r}"
    parcel = written.parcels.get(order.name)
    if parcel == "booked" or (parcel == "handed over") is not (ending == SHIPPED):
        yield order.name, f"it ended as {ending!r}, and its parcel is {parcel!r}"


def _money(order: Order, written: Written, returned: int) -> Iterator[Problem]:
    name = order.name
    ending = written.endings.get(name)
    if written.charges[name] > 1:
        yield name, f"charged {written.charges[name]} times"
    if written.settlements.get(name, (0, 0)) != (written.charged[name], written.refunded[name]):
        yield name, "the ledger's summary differs from its entries"
    if written.charged[name] not in {0, order.total}:
        yield name, f"charged {pounds(written.charged[name])}, the file says {pounds(order.total)}"
    net = written.charged[name] - written.refunded[name]
    wanted = order.total - returned if ending == SHIPPED else 0
    if net != wanted:
        yield name, f"the shop kept {pounds(net)}, it should be {pounds(wanted)}"
    if written.totals.get(name) != (order.total if ending == SHIPPED else None):
        yield name, "its total is not that of the file"
    if ending == CANCELLED and not order.cancelled_by:
        yield name, "cancelled, and nobody asked for it"


def _return(name: str, settlement: Settlement, written: Written) -> Iterator[Problem]:
    match = written.matches.get(name)
    if match is None:
        yield name, "lost: nothing was decided about this return"
    elif match not in {settlement.match, "dropped"}:
        yield name, f"matched {match!r}, the file says {settlement.match!r}"
    units = Counter[str]()
    for (_, sku), quantity in written.shares.get(name, Counter[tuple[str, str]]()).items():
        units[sku] += quantity
    if units != settlement.units:
        yield name, f"took back {dict(units)}, the file says {dict(settlement.units)}"


def _stock(expected: Expected, written: Written, settled: dict[str, Settlement]) -> Iterator[Problem]:
    shipped, back = Counter[str](), Counter[str]()
    for order in expected.orders.values():
        if written.endings.get(order.name) == SHIPPED:
            shipped.update(order.units)
    for settlement in settled.values():
        back.update(settlement.units)
    for sku, units in expected.stock.items():
        left = units - shipped[sku] + back[sku]
        wanted = Stock(delivered=units, available=left, held=0, shipped=shipped[sku], returned=back[sku])
        found = written.stock.get(sku, Stock(0, 0, 0, 0, 0))
        if found != wanted:
            yield f"SKU {sku}", f"the shelf says {found}, it should be {wanted}"


def _ledger(expected: Expected, written: Written, books: Books) -> Iterator[Problem]:
    for order in written.unbalanced:
        yield order, "an entry of the ledger does not sum to zero"
    for order in written.endings.keys() - expected.orders.keys():
        yield order, "it is in the order book and not among the orders of the file"
    if books.charged - books.refunded != books.confirmed - books.returned:
        left, right = pounds(books.charged - books.refunded), pounds(books.confirmed - books.returned)
        yield "all orders", f"charged - refunded = {left}, confirmed - returned = {right}"
