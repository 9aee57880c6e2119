"""The words that the shop's contexts share: ids, lines, orders, and how money is rounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import Enum
from typing import NewType
from zlib import crc32

OrderId = NewType("OrderId", str)
ReturnId = NewType("ReturnId", str)
CustomerId = NewType("CustomerId", str)
Sku = NewType("Sku", str)

PENNY = Decimal("0.01")
"""The shop has one currency, pounds sterling; every amount is a whole number of pennies."""


def amount_of(quantity: int, unit_price: Decimal) -> Decimal:
    """Return what so many units cost, rounded half up to the penny."""
    return (quantity * unit_price).quantize(PENNY, ROUND_HALF_UP)


def refund_of(quantity: int, unit_price: Decimal) -> Decimal:
    """Return what is paid back for so many units, rounded down: parts never add up to more than was paid."""
    return (quantity * unit_price).quantize(PENNY, ROUND_DOWN)


def lot(purpose: str, key: str) -> int:
    """Return the lot that a business key draws for a purpose: its CRC-32, so the same everywhere and for ever.

    The shop's stand-ins for the outside world (card issuers, carriers, mail servers) decide by lots, so that what
    becomes of an order does not depend on when it is asked, or how often.
    """
    return crc32(f"{purpose}:{key}".encode())


@dataclass(frozen=True, slots=True)
class Item:
    """So many units of a SKU, above zero."""

    sku: Sku
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError(f"{self.quantity} units of {self.sku} are no item")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice, with the price quoted on it. A SKU may be on several lines, at several prices."""

    sku: Sku
    quantity: int
    unit_price: Decimal

    def __post_init__(self) -> None:
        if self.quantity <= 0 or self.unit_price <= 0:
            raise ValueError(f"{self.quantity} units of {self.sku} at {self.unit_price} are no line of an order")

    @property
    def amount(self) -> Decimal:
        """What the line costs."""
        return amount_of(self.quantity, self.unit_price)


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer, or a guest, asks for.

    Attributes:
        customer: nothing for a guest.
        position: its place in the order book; of two orders, the earlier has the smaller one.
        hold: how long the customer asked to keep the parcel back, to have time to cancel.
    """

    id: OrderId
    customer: CustomerId | None
    country: str
    placed_at: datetime
    position: int
    lines: tuple[Line, ...]
    hold: timedelta = timedelta()

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError(f"order {self.id} has no lines")

    @property
    def items(self) -> tuple[Item, ...]:
        """What the lines ask of the shelf: one item for each SKU, in order of the SKUs."""
        wanted: dict[Sku, int] = {}
        for line in self.lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        return tuple(Item(sku, wanted[sku]) for sku in sorted(wanted))


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """What a customer brings back, or an order that they cancel.

    Attributes:
        customer: nothing where nobody knows who it was.
        position: its place in the order book; it is matched with orders that came before it.
        cancels: the order that is cancelled as a whole; nothing for goods that come back.
    """

    id: ReturnId
    customer: CustomerId | None
    asked_at: datetime
    position: int
    items: tuple[Item, ...]
    cancels: OrderId | None = None


class Ending(Enum):
    """How an order ends."""

    SHIPPED = "shipped"
    UNKNOWN_SKU = "unknown sku"
    ACCOUNT_CLOSED = "account closed"
    OUT_OF_STOCK = "out of stock"
    PAYMENT_DECLINED = "payment declined"
    UNDELIVERABLE = "undeliverable"
    CANCELLED = "cancelled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an order; `net` is the money that the shop kept."""

    order_id: OrderId
    ending: Ending
    net: Decimal
    tracking: str | None = None


class Verdict(Enum):
    """What is decided about one item of a return."""

    ACCEPTED = "accepted"
    CANCELLED = "cancelled before it was shipped"
    NOT_SHIPPED = "the order was never shipped"
    NOT_BOUGHT = "never bought, or fewer than that"
    NO_CUSTOMER = "no customer is named"
    REFUSED = "a service declined"


class Match(Enum):
    """How much of a return matches what its customer bought earlier."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"
    NO_CUSTOMER = "no customer"


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a returned item that belongs to one line of one order, and the verdict on it.

    Attributes:
        order_id: nothing where no purchase matches.
        line: number of the order's line, from 1; zero where no purchase matches.
        refund: what is paid back for it.
    """

    item: Item
    verdict: Verdict
    order_id: OrderId | None = None
    line: int = 0
    refund: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back for an order."""

    order_id: OrderId
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a return: how it matched, what was paid back, and what was refused, by reason."""

    return_id: ReturnId
    match: Match
    refunds: tuple[Refund, ...]
    refused: tuple[Verdict, ...]
