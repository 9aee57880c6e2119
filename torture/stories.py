"""The workflows of the market, which between them use every verb, and its System."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from torture.basket import Add, Full, basket
from torture.services import BASKET, Bank, Diary, Order, Post, Stock
from weft import (
    CallFailed,
    RunFailed,
    Runs,
    Service,
    Signal,
    State,
    System,
    deprecate_patch,
    idempotent,
    now,
    offers,
    operation,
    patched,
    random,
    receive,
    saga,
    uuid4,
    workflow,
)

PAUSE_S = 0.2
REMINDERS = 3
PATIENCE = timedelta(seconds=2)
BRANCHES = 4
BOX_TIME = timedelta(seconds=60)

stage = State("stage", "")


class Decision(Signal):
    """What somebody decided."""

    by: str


class Hurry(Signal):
    """Somebody cannot wait."""


class Regret(Exception):
    """The customer changed their mind."""


class Torn(Exception):
    """A box tore."""


@workflow
async def packing(order: Order, *, stock: Stock, diary: Diary) -> str:
    """Pack a box, in a race of impatience and routine."""
    async with saga():
        await stock.reserve(Order(f"box {order.key}"))
        routine = asyncio.create_task(asyncio.sleep(PAUSE_S))
        impatience = asyncio.create_task(receive(Hurry))
        _, late = await asyncio.wait({routine, impatience}, return_when=asyncio.FIRST_COMPLETED)
        for each in late:
            each.cancel()
        if order.plan == "torn box":
            raise Torn(order.key)
        if order.plan == "slow box":
            await asyncio.sleep(BOX_TIME.total_seconds() * 2)
        await asyncio.shield(diary.note(f"box {order.key}"))
    return f"box {order.key}"


@workflow
async def purchase(order: Order, *, stock: Stock, bank: Bank, post: Post, diary: Diary, runs: Runs) -> str:
    """Reserve, charge, pack and ship; take all of it back when something goes wrong before it is shipped."""
    stage.set("begun")
    async with saga():
        if order.plan == "together":
            async with asyncio.TaskGroup() as group:
                group.create_task(stock.reserve(order))
                group.create_task(bank.charge(order))
        else:
            await stock.reserve(order)
            await bank.charge(order)
        stage.set("paid")
        with suppress(CallFailed):
            await bank.paid(order)
        if patched("boxes"):
            await runs.run(packing, order, id=f"box {order.key}", within=BOX_TIME, on_close="cancel")
        if order.plan == "regret":
            raise Regret(order.key)
        await diary.tell(order)
        await post.ship(order)
    deprecate_patch("crates")
    stage.set("shipped")
    await diary.note(f"{order.key} shipped")
    return order.key


@workflow
async def approval(order: Order, *, diary: Diary) -> str:
    """Remind until somebody decides, or nobody does."""
    for reminder in range(REMINDERS):
        await diary.note(f"{order.key} reminder {reminder}")
        try:
            return (await receive(Decision, within=PATIENCE)).by
        except TimeoutError:
            continue
    return "nobody"


@workflow
async def branching(order: Order, *, diary: Diary) -> list[str]:
    """Do several things at once, two at a time, with chance and time in them."""
    turns = asyncio.Semaphore(2)

    async def branch(number: int) -> str:
        async with turns:
            await asyncio.wait_for(asyncio.sleep(random() * PAUSE_S), BOX_TIME.total_seconds())
            return await diary.note(f"{order.key} {number} {uuid4()} {now():%Y}")

    lines = await asyncio.gather(*(branch(number) for number in range(BRANCHES)))
    with suppress(TimeoutError):
        async with asyncio.timeout(PAUSE_S):
            await receive(Hurry)
    return list(lines)


@workflow
async def nap(order: Order, *, stock: Stock, diary: Diary) -> str:
    """Hold something and sleep."""
    async with saga():
        await stock.reserve(order)
        await asyncio.sleep(PAUSE_S * 10)
        await diary.note(order.key)
    return order.key


def children_of(order: Order) -> list[str]:
    """Return the ids of the children of a family."""
    return [f"{order.key} child {number}" for number in range(3)] + [f"{order.key} hasty"]


@workflow
async def family(order: Order, *, runs: Runs, diary: Diary) -> str:
    """Have children that end with it, or do not; and one that has no time."""
    *children, hasty = children_of(order)
    for child, how in zip(children, ("cancel", "terminate", "abandon"), strict=True):
        await runs.start(nap, Order(child), id=child, on_close=how)
    with suppress(RunFailed):
        await runs.run(nap, Order(hasty), id=hasty, within=timedelta(milliseconds=50))
    return await diary.note(f"{order.key} family")


@workflow
async def errand(order: Order, *, diary: Diary) -> str:
    """Do what the booth offers."""
    await asyncio.sleep(PAUSE_S)
    return await diary.note(f"{order.key} errand")


class Booth(Service, name="booth"):
    """Offers errands."""

    @operation(idempotent)
    @offers(errand)
    async def run_errand(self, order: Order) -> str:
        """Run an errand."""
        raise AssertionError(order)


@workflow
async def visit(order: Order, *, booth: Booth, runs: Runs) -> str:
    """Have an errand run, and put things into the basket, of which it does not take one."""
    line = await booth.run_errand(order)
    await runs.find(basket, BASKET).ask(Add(f"visit {order.key}"))
    with suppress(Full):
        await runs.find(basket, BASKET).ask(Add(f"visit {order.key}!"))
    return line


market = System(
    "market",
    services=[Stock, Bank, Post, Diary, Booth],
    workflows=[basket, packing, purchase, approval, branching, nap, family, errand, visit],
)
