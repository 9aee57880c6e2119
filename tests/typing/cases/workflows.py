"""Workflows: one input, services by keyword, one result; runs carry these types to whoever starts or finds them."""

# ruff: noqa: D102, D103 - what is judged here is types: these bodies are never run, and say what they are

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_type
from uuid import UUID

from weft import (
    Run,
    Runs,
    Service,
    Signal,
    State,
    Workflow,
    now,
    operation,
    random,
    read,
    receive,
    saga,
    uuid4,
    workflow,
)


@dataclass(frozen=True)
class Order:
    """What is ordered."""

    id: str


@dataclass(frozen=True)
class Confirmed:
    """What became of it."""

    id: str


class Catalog(Service):
    """What there is to buy."""

    @operation(read)
    async def price(self, sku: str) -> int:
        return len(sku)


class Decision(Signal):
    """Somebody has decided."""

    approved: bool
    by: str = ""


class Reminder(Signal):
    """Somebody has asked again."""


progress = State("progress", 0)


@workflow
async def place_order(order: Order, *, catalog: Catalog, runs: Runs) -> Confirmed:
    async with saga():
        assert_type(await catalog.price("a"), int)
    assert_type(await receive(Decision), Decision)
    match await receive(Decision, Reminder, within=timedelta(days=1)):
        case Decision() as decision:
            assert_type(decision, Decision)
        case Reminder() as reminder:
            assert_type(reminder, Reminder)
    assert_type(now(), datetime)
    assert_type(uuid4(), UUID)
    assert_type(random(), float)
    progress.set(1)
    progress.set("half")  # error wanted: the state is a number
    await receive(Order)  # error wanted: an order is no message
    await receive(Decision, within=3)  # error wanted: a timedelta
    assert_type(await runs.start(place_order, order, id="o-2"), Run[Confirmed])
    return Confirmed(order.id)


@workflow(name="remind")
async def remind_later(order: Order) -> None: ...


@workflow  # error wanted: a workflow is async
def hasty(order: Order) -> Confirmed:
    return Confirmed(order.id)


@workflow  # error wanted: a workflow takes an input
async def aimless() -> None: ...


assert_type(place_order, Workflow[Order, Confirmed])
assert_type(remind_later, Workflow[Order, None])


async def outside(runs: Runs) -> None:
    """Start, find and tell runs from outside."""
    run = await runs.start(place_order, Order("o-1"), id="o-1")
    assert_type(run, Run[Confirmed])
    assert_type(await run.result(), Confirmed)
    assert_type(await runs.find(remind_later, "o-1").result(), None)
    assert_type(await run.read(progress), int)
    await run.send(Decision(approved=True))
    await run.send(Order("o-1"))  # error wanted: an order is no signal
    await run.send(Decision)  # error wanted: a signal, not its class
    await run.read("progress")  # error wanted: the state itself, not its name
    await runs.start(place_order, "o-1", id="o-1")  # error wanted: the input is an Order
    await runs.start(place_order, Order("o-1"))  # error wanted: a run has an id
    await runs.start(outside, runs, id="o-1")  # error wanted: not a workflow
    await place_order(Order("o-1"))  # error wanted: a workflow is started, not called


def change(decision: Decision) -> None:
    """A signal's fields are typed and do not change."""
    assert_type(decision.by, str)
    decision.by = "ada"  # error wanted: the field does not change
    Decision()  # error wanted: approved is missing
    Decision(approved="yes")  # error wanted: approved is a bool
