"""A shop's till and shelf: services with databases, one without, and the workflows that worlds are tested with."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Column, Integer, MetaData, Table, Text, delete, insert

from weft.clock import Clock
from weft.data import Database
from weft.errors import CallFailed
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.flow.state import State
from weft.flow.time import now
from weft.model.effect import compensated_by, idempotent, irreversible
from weft.model.message import Signal
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

shelf_tables = MetaData()
reserved = Table("reserved", shelf_tables, Column("order_id", Text, primary_key=True), Column("pieces", Integer))
till_tables = MetaData()
charged = Table("charged", till_tables, Column("order_id", Text, primary_key=True))


class CardRefused(Declined):
    """The bank does not pay."""

    order_id: str


class Shelf(Service, name="shelf", exactly_once=True, tables=shelf_tables):
    """Goods, held for orders."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def release(self, order_id: str, pieces: int) -> None:
        """Give goods back."""
        async with self.db.transaction() as tx:
            await tx.execute(delete(reserved).where(reserved.c.order_id == order_id, reserved.c.pieces == pieces))

    @operation(compensated_by(release), timeout=timedelta(seconds=10))
    async def reserve(self, order_id: str, pieces: int) -> None:
        """Hold goods for an order."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(reserved), {"order_id": order_id, "pieces": pieces})


class Till(Service, name="till", exactly_once=True, tables=till_tables):
    """Charges cards."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    @operation(irreversible, raises=CardRefused)
    async def charge(self, order_id: str) -> str:
        """Charge the card of an order."""
        async with self.db.transaction() as tx:
            if order_id == "broke":
                raise CardRefused(order_id)
            await tx.execute(insert(charged), {"order_id": order_id})
        return f"paid {order_id}"

    @operation(idempotent, timeout=timedelta(hours=2))
    async def close_for(self, minutes: int) -> None:
        """Take a break on the clock."""
        await self.clock.sleep(timedelta(minutes=minutes))
        async with self.db.transaction():
            pass


class Bell(Service, name="bell"):
    """Rings; it forgets whom it rang for, and what it did cannot be taken back."""

    def __init__(self) -> None:
        self.rung: tuple[str, ...] = ()

    @operation(irreversible)
    async def ring(self, order_id: str) -> int:
        """Ring once."""
        self.rung += (order_id,)
        return len(self.rung)


class Reminder(Signal):
    """Somebody asks again."""

    text: str


reminders = State("reminders", (), kind=tuple[str, ...])


@workflow
async def buy(order_id: str, *, shelf: Shelf, till: Till) -> str:
    """Hold goods and charge for them."""
    async with saga():
        await shelf.reserve(order_id, 2)
        return await till.charge(order_id)


@workflow
async def buy_many(count: int, *, shelf: Shelf, till: Till) -> int:
    """Hold goods and charge for many orders at once, and for one whose card is refused if there are more than three."""

    async def one(number: int) -> None:
        await shelf.reserve(f"o-{number}", 1)
        await till.charge("broke" if number > 2 else f"o-{number}")

    async with saga():
        await asyncio.gather(*[one(number) for number in range(count)])
    return count


@workflow
async def wait_for(days: int) -> str:
    """Sleep, and say when."""
    await asyncio.sleep(days * 86_400)
    return now().isoformat()


@workflow
async def pause(minutes: int, *, till: Till) -> None:
    """Have the till closed for a while."""
    await till.close_for(minutes)


@workflow
async def collect(count: int, *, till: Till) -> str:
    """Collect reminders, show them, and charge in the end."""
    texts: tuple[str, ...] = ()
    while len(texts) < count:
        texts += ((await receive(Reminder)).text,)
        reminders.set(texts)
    return await till.charge("-".join(texts))


@workflow
async def ring_twice(order_id: str, *, bell: Bell) -> int:
    """Ring twice, whatever becomes of it."""
    with suppress(CallFailed):
        await bell.ring(order_id)
    return await bell.ring(order_id)


corner = System("corner", services=[Shelf, Till, Bell], workflows=[buy, buy_many, wait_for, pause, collect, ring_twice])
