"""The services of the market: each writes one line for each effect into a ledger of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select

from torture.basket import Nudge, basket
from weft import Declined, Runs, Service, compensated_by, idempotent, irreversible, operation, read
from weft.data import Database

ledger = MetaData()
moves = Table(
    "moves",
    ledger,
    Column("id", Integer, primary_key=True),
    Column("at_ns", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("key", Text, nullable=False),
)

BASKET = "basket"
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; `plan` says what goes wrong with it."""

    key: str
    plan: str = "plain"


class SoldOut(Declined):
    """There is none left."""

    key: str


class Broke(Declined):
    """There is no money."""

    key: str


async def _write(db: Database, what: str, key: str) -> None:
    async with db.transaction() as tx:
        # The machine's own monotonic clock: it goes on over all lives, whatever the wall clock does.
        await tx.execute(insert(moves), {"at_ns": time.monotonic_ns(), "what": what, "key": key})


async def _written(db: Database, what: str, key: str) -> bool:
    async with db.transaction(read_only=True) as tx:
        found = await tx.execute(select(moves.c.id).where(moves.c.what == what, moves.c.key == key))
    return found.first() is not None


class Stock(Service, name="stock", exactly_once=True, tables=ledger):
    """Holds goods."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @operation(idempotent)
    async def release(self, order: Order) -> None:
        """Take a reservation back."""
        await _write(self._db, "release", order.key)

    @operation(compensated_by(release), raises=SoldOut)
    async def reserve(self, order: Order) -> None:
        """Reserve."""
        await _write(self._db, "reserve", order.key)
        if order.plan == "sold out":
            raise SoldOut(order.key)


class Bank(Service, name="bank", exactly_once=True, tables=ledger):
    """Moves money."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @operation(read, timeout=A_MINUTE)
    async def paid(self, order: Order) -> bool:
        """Tell whether an order was charged."""
        return await _written(self._db, "charge", order.key)

    @operation(idempotent)
    async def refund(self, order: Order) -> None:
        """Give the money back."""
        await _write(self._db, "refund", order.key)

    @operation(compensated_by(refund), raises=Broke)
    async def charge(self, order: Order) -> str:
        """Take the money."""
        await _write(self._db, "charge", order.key)
        if order.plan == "broke":
            raise Broke(order.key)
        return f"receipt {order.key}"


class Post(Service, name="post", exactly_once=True, tables=ledger):
    """Carries parcels, for good."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @operation(read)
    async def shipped(self, order: Order) -> str | None:
        """Tell whether a parcel is on its way."""
        return order.key if await _written(self._db, "ship", order.key) else None

    @operation(irreversible(asks="shipped"))
    async def ship(self, order: Order) -> str:
        """Ship."""
        await _write(self._db, "ship", order.key)
        return order.key


class Diary(Service, name="diary", exactly_once=True, tables=ledger):
    """Writes things down, and tells the basket."""

    def __init__(self, db: Database, runs: Runs) -> None:
        self._db = db
        self._runs = runs

    @operation(idempotent)
    async def note(self, line: str) -> str:
        """Write a line."""
        await _write(self._db, "note", line)
        return line

    @operation(idempotent)
    async def tell(self, order: Order) -> None:
        """Tell the basket of an order, and write that down."""
        await self._runs.find(basket, BASKET).send(Nudge(f"nudge {order.key}"))
        await _write(self._db, "tell", order.key)
