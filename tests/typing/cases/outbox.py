"""Requests of a transaction: the input is the workflow's, and a run is told signals only."""

# ruff: noqa: D103 - what is judged here is types: these bodies are never run, and say what they are

from typing import assert_type

from weft import Run, Runs, Signal, Update, workflow
from weft.data import Database


class Paid(Signal):
    """An order is paid."""

    order_id: str


class Ask(Update[int]):
    """A question."""


@workflow
async def place_order(order_id: str) -> int:
    return len(order_id)


async def requests(db: Database, runs: Runs) -> None:
    async with db.transaction() as tx:
        assert_type(await tx.start(place_order, "o-1", id="o-1", tenant="eu"), None)
        await tx.start(place_order, 1, id="o-1")  # error wanted: another input
        await tx.start(place_order, "o-1")  # error wanted: no id
        run = runs.find(place_order, "o-1")
        assert_type(run, Run[int])
        await tx.send(run, Paid("o-1"))
        await tx.send(run, Ask())  # error wanted: nobody would hear the answer
