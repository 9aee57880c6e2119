"""A desk that takes orders: its transactions start runs and tell them what has happened."""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy import Column, MetaData, Table, Text, insert

from weft.data import Database
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.flow.state import State
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.effect import idempotent
from weft.model.message import Signal
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

desk_tables = MetaData()
taken = Table("taken", desk_tables, Column("order_id", Text, primary_key=True))


class Closed(Declined):
    """The desk takes no more orders."""


class Line(Signal):
    """Something to write down."""

    text: str


class Delivered(Signal):
    """An order has arrived."""

    order_id: str


class Desk(Service, name="desk", exactly_once=True, tables=desk_tables):
    """Takes orders, and lets runs know."""

    def __init__(self, db: Database, runs: Runs) -> None:
        self.db = db
        self.runs = runs

    @operation(idempotent, raises=Closed)
    async def take(self, order_id: str) -> None:
        """Take an order and have it delivered."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(taken), {"order_id": order_id})
            await tx.start(deliver, order_id, id=order_id)
            if order_id == "late":
                raise Closed

    @operation(idempotent)
    async def arrive(self, order_id: str) -> None:
        """Tell whoever ordered that it has arrived."""
        async with self.db.transaction() as tx:
            await tx.send(self.runs.find(order, order_id), Delivered(order_id))

    @operation(idempotent)
    async def write(self, run_id: str, texts: tuple[str, ...]) -> None:
        """Tell a log some lines, in order."""
        async with self.db.transaction() as tx:
            for each in texts:
                await tx.send(self.runs.find(log, run_id), Line(each))


lines = State("lines", (), kind=tuple[str, ...])


@workflow
async def order(order_id: str, *, desk: Desk) -> str:
    """Order, and wait until it has arrived."""
    try:
        await desk.take(order_id)
    except Closed:
        return "closed"
    return f"{(await receive(Delivered)).order_id} has arrived"


@workflow
async def deliver(order_id: str, *, desk: Desk) -> str:
    """Deliver an order."""
    await desk.arrive(order_id)
    return order_id


@workflow
async def log(count: int) -> tuple[str, ...]:
    """Take so many lines."""
    texts: tuple[str, ...] = ()
    while len(texts) < count:
        texts += ((await receive(Line)).text,)
        lines.set(texts)
    return texts


office = System("office", services=[Desk], workflows=[order, deliver, log])


def settings_for(url: str, engine: str) -> Settings:
    """Return settings with the desk's books at a URL and the engine in a file."""
    return Settings(engine=engine, services={"desk": {"database": url}})


async def main(url: str, engine: str, first: int) -> None:
    """Have orders taken without a pause, and print each one that was."""
    async with Host(office, settings=settings_for(url, engine)) as host:
        desk = host.proxy(Desk)
        number = first
        while True:
            await desk.take(f"o-{number}")
            print(number, flush=True)  # noqa: T201 - the parent reads what was answered
            number += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
