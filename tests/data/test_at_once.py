"""Transactions at once: none disturbs another, and a cancellation leaves nothing half done."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest

from tests.data.bank import Bank, accounts, call, deliver
from weft.data import Database
from weft.model.call import Reply


async def test_transfers_at_once_conserve_money(bank: Bank) -> None:
    """200 concurrent transfers move money and make none."""
    chance = random.Random(7)

    def transfer() -> Callable[[], Awaitable[None]]:
        source, target = chance.sample(["ada", "bob"], 2)
        return partial(bank.move, chance.randint(0, 9), source=source, target=target)

    outcomes = await asyncio.gather(*(deliver(call(f"t-{number}"), transfer()) for number in range(200)))

    applied = sum(isinstance(outcome, Reply) for outcome in outcomes)
    assert applied > 150
    assert await bank.total() == 200
    assert len(await bank.moved("ada")) == len(await bank.moved("bob")) == applied


async def test_member_that_fails_alone(bank: Bank) -> None:
    """Who rolls back in the middle of a group takes nobody with it."""
    bodies = [
        lambda: bank.charge("ada", 10),
        lambda: bank.charge("ada", 500),
        lambda: bank.move(500, source="bob", target="ada"),
        lambda: bank.charge("ada", 20),
    ]

    outcomes = await asyncio.gather(*(deliver(call(f"c-{n}"), body) for n, body in enumerate(bodies)))

    assert [type(outcome).__name__ for outcome in outcomes] == ["Reply", "Refused", "NotDone", "Reply"]
    assert await bank.moved("ada") == [-10, -20]


@pytest.mark.parametrize("rounds", range(12))
async def test_cancellation_at_any_moment(bank: Bank, rounds: int) -> None:
    """Whenever a task is cancelled, its effect and its row are both there or both not, and the turn goes on."""
    tasks = [asyncio.create_task(deliver(call(f"c-{number}"), lambda: bank.refund("ada", 1))) for number in range(6)]
    for _ in range(rounds):
        await asyncio.sleep(0)

    for victim in (tasks[0], tasks[3]):
        victim.cancel()
    await asyncio.wait(tasks)
    await deliver(call("last"), lambda: bank.refund("ada", 1))

    rows = Counter(row.state for row in await bank.db.barrier_rows())
    assert await bank.moved("ada") == [1] * rows["applied"]
    assert rows["applied"] == rows.total() >= 5
    assert await bank.amount("ada") == 100 + rows["applied"]


async def test_cancellation_inside_the_block(bank: Bank) -> None:
    """A body that is cancelled while it waits is rolled back, and the next in line gets the turn."""
    inside = asyncio.Event()

    async def hang() -> None:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.update().values(amount=0))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(deliver(call("c-1"), hang))
    await inside.wait()
    waiting = asyncio.create_task(deliver(call("c-2"), lambda: bank.charge("ada", 30)))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert await waiting == Reply(b"70")
    assert [row.effect_id for row in await bank.db.barrier_rows()] == ["c-2"]


async def test_cancellation_before_the_turn(bank: Bank) -> None:
    """Who is cancelled while waiting for its turn touches nothing of the transaction that has it."""
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def charge_slowly() -> int:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.update().values(amount=70))
            inside.set()
            await go_on.wait()
        return 70

    slow = asyncio.create_task(deliver(call("c-1"), charge_slowly))
    await inside.wait()
    waiting = asyncio.create_task(deliver(call("c-2"), lambda: bank.charge("ada", 30)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    go_on.set()

    assert await slow == Reply(b"70")
    assert await bank.total() == 140


async def test_closing_waits_for_the_last_commit(url: str) -> None:
    """A database that is closed under waiting transactions commits them first."""
    db = await Database.open(url, tables=accounts.metadata)
    bank = Bank(db)
    await bank.open_account("ada", 100)
    tasks = [asyncio.create_task(deliver(call(f"c-{number}"), lambda: bank.charge("ada", 1))) for number in range(9)]
    await asyncio.sleep(0)

    await db.close()

    assert all(isinstance(task.result(), Reply) for task in tasks)


async def test_cancelled_call_whose_commit_has_begun(bank: Bank) -> None:
    """A commit is not left: a call that is cancelled meanwhile has the outcome that it has."""
    left = asyncio.Event()

    async def charge() -> int:
        amount = await bank.charge("ada", 30)
        left.set()  # what comes now is the commit
        return amount

    charging = asyncio.create_task(deliver(call("c-1"), charge))
    await left.wait()

    charging.cancel()
    await asyncio.sleep(0)
    charging.cancel()

    assert await charging == Reply(b"70")
    assert await bank.amount("ada") == 70


async def test_cancelled_block_whose_commit_has_begun(bank: Bank) -> None:
    """Outside of calls a cancellation is told, once the commit has ended."""
    inside = asyncio.Event()

    async def move() -> None:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.update().where(accounts.c.owner == "ada").values(amount=70))
            inside.set()

    moving = asyncio.create_task(move())
    await inside.wait()

    moving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await moving
    assert await bank.amount("ada") == 70
