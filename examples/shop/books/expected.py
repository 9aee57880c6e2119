"""What the books must say: the shop's rules, written a second time, on nothing but the file of invoices.

All money is in pennies. The rules are those of README.md, and deliberately nothing is imported from the shop.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from pathlib import Path
from zlib import crc32

SHIPPED, CANCELLED = "shipped", "cancelled"
CARD_LIMIT_PENNIES = 100_000_00
NOT_SERVED = ("", "Unspecified")


@dataclass(slots=True)
class Line:
    """A line of an order; `left` units did not come back yet."""

    sku: str
    quantity: int
    price: Decimal
    left: int


@dataclass(slots=True)
class Order:
    """An order as the file tells it, and how it must end."""

    name: str
    position: int
    customer: str
    country: str
    lines: list[Line]
    cancelled_by: str = ""

    @property
    def total(self) -> int:
        """What it costs, each line rounded half up."""
        return sum(_pennies(line.quantity * line.price, ROUND_HALF_UP) for line in self.lines)

    @property
    def units(self) -> Counter[str]:
        """Units by SKU."""
        return _count((line.sku, line.quantity) for line in self.lines)

    @property
    def ending(self) -> str:
        """How it ends when nobody interferes: the first rule that stops it."""
        if any(_lot("stock", line.sku, 300) for line in self.lines):
            return "out of stock"
        if self.total > CARD_LIMIT_PENNIES or _lot("card", self.name, 40):
            return "payment declined"
        if self.cancelled_by:
            return CANCELLED
        if self.country in NOT_SERVED or _lot("parcel", self.name, 50):
            return "undeliverable"
        return SHIPPED


@dataclass(slots=True)
class Return:
    """A return as the file tells it: SKU and units, line by line."""

    name: str
    position: int
    customer: str
    items: list[tuple[str, int]]
    cancels: str = ""


@dataclass(slots=True)
class Settlement:
    """What a return must come to: how it matches, pennies by order, units of each SKU that come back."""

    match: str
    refunds: Counter[str] = field(default_factory=Counter[str])
    units: Counter[str] = field(default_factory=Counter[str])


@dataclass(slots=True)
class Expected:
    """The part of a file that a demo takes: its first orders and the returns among them; stock is of the whole file."""

    orders: dict[str, Order]
    returns: dict[str, Return]
    stock: Counter[str]


def read_file(path: Path, *, orders: int | None = None) -> Expected:
    """Read a file of invoices; `orders` says how many orders of it are taken, nothing for all."""
    found: dict[str, Order] = {}
    returns: dict[str, Return] = {}
    by_day: dict[tuple[object, ...], list[Order]] = defaultdict(list)
    for name, rows in _invoices(path).items():
        position, first = rows[0]
        who, day = first["CustomerID"], first["InvoiceDate"][:10]
        moved = [(row["StockCode"], int(row["Quantity"]), Decimal(row["UnitPrice"])) for _, row in rows]
        if name.isdigit():
            lines = [Line(sku, units, price, units) for sku, units, price in moved if units > 0 and price > 0]
            if lines:
                order = found[name] = Order(name, position, who, first["Country"], lines)
                by_day[who, day, frozenset(order.units.items())].append(order)
        elif name.startswith("C") and name[1:].isdigit():
            items = [(sku, -units) for sku, units, _ in moved if units < 0]
            if items:
                back = returns[name] = Return(name, position, who, items)
                same = by_day[who, day, frozenset(_count(items).items())]
                if who and same:
                    order = same.pop()
                    order.cancelled_by, back.cancels = name, order.name
    stock = _count((line.sku, line.quantity) for order in found.values() for line in order.lines)
    stock = Counter({sku: 0 if _lot("stock", sku, 300) else units for sku, units in stock.items()})
    taken, among = _cut(found, returns, orders)
    return Expected(taken, among, stock)


def _cut(
    orders: dict[str, Order], returns: dict[str, Return], limit: int | None
) -> tuple[dict[str, Order], dict[str, Return]]:
    """Take the first orders, the returns before the next one, and those that cancel an order that was taken."""
    if limit is None or limit >= len(orders):
        return orders, returns
    names = list(orders)
    taken = {name: orders[name] for name in names[:limit]}
    end = orders[names[limit]].position
    among = {
        name: back for name, back in returns.items() if (back.cancels in taken if back.cancels else back.position < end)
    }
    return taken, among


def settle(expected: Expected, endings: Mapping[str, str]) -> dict[str, Settlement]:
    """Match every return, in the order of the file, with what its customer bought before.

    Args:
        expected: orders and returns; what comes back is taken from the orders' lines.
        endings: how the orders ended.
    """
    by_customer: dict[str, list[Order]] = defaultdict(list)
    for order in expected.orders.values():
        by_customer[order.customer].append(order)
    settled: dict[str, Settlement] = {}
    for back in sorted(expected.returns.values(), key=lambda each: each.position):
        if not back.customer:
            settled[back.name] = Settlement("no customer")
            continue
        if back.cancels:
            before = [expected.orders[back.cancels]]
        else:
            before = [
                order
                for order in by_customer[back.customer]
                if order.position < back.position and (not order.cancelled_by or endings.get(order.name) == SHIPPED)
            ]
        settled[back.name] = _match(back, before, endings)
    return settled


def _match(back: Return, before: list[Order], endings: Mapping[str, str]) -> Settlement:
    shipped_first = sorted(before, key=lambda order: (endings.get(order.name) != SHIPPED, -order.position))
    settlement = Settlement("")
    matched = 0
    for sku, units in back.items:
        lines = [(order, line) for order in shipped_first for line in order.lines if line.sku == sku and line.left]
        if sum(line.left for _, line in lines) < units:
            continue
        matched += 1
        rest = units
        for order, line in lines:
            part = min(rest, line.left)
            line.left -= part
            rest -= part
            if part and endings.get(order.name) == SHIPPED:
                settlement.refunds[order.name] += _pennies(part * line.price, ROUND_FLOOR)
                settlement.units[sku] += part
    settlement.match = "whole" if matched == len(back.items) else "part" if matched else "none"
    return settlement


def _invoices(path: Path) -> dict[str, list[tuple[int, dict[str, str]]]]:
    """Return the numbered lines of each invoice, invoices in order of their first lines."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    found: dict[str, list[tuple[int, dict[str, str]]]] = {}
    with (gzip.open if packed else open)(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            found.setdefault(row["InvoiceNo"], []).append((reader.line_num, row))
    return found


def _lot(purpose: str, key: str, one_in: int) -> bool:
    return crc32(f"{purpose}:{key}".encode()) % one_in == 0


def _pennies(amount: Decimal, rounding: str) -> int:
    return int((amount * 100).to_integral_value(rounding))


def _count(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for sku, units in pairs:
        total[sku] += units
    return total
