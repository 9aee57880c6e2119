"""Shared commits: transactions that wait on one file are committed together, and fail together."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.data.bank import Bank, accounts, call, deliver, entries
from weft.data import Database
from weft.data.connection import storage_failure
from weft.data.sharing import GROUP_MEMBERS
from weft.errors import NotDone, OutcomeUnknown
from weft.model.call import Reply


async def test_transfers_at_once_conserve_money(bank: Bank) -> None:
    """500 concurrent transfers move money and make none."""
    chance = random.Random(7)

    def transfer() -> Callable[[], Awaitable[None]]:
        source, target = chance.sample(["ada", "bob"], 2)
        return partial(bank.move, chance.randint(0, 9), source=source, target=target)

    outcomes = await asyncio.gather(*(deliver(call(f"t-{number}"), transfer()) for number in range(500)))

    applied = sum(isinstance(outcome, Reply) for outcome in outcomes)
    assert applied > 400
    assert await bank.total() == 200
    assert len(await bank.moved("ada")) == len(await bank.moved("bob")) == applied


async def test_waiting_transactions_share_a_commit(bank: Bank) -> None:
    """Calls that wait at once need far fewer commits than they are."""
    before = bank.db.commits

    await asyncio.gather(*(deliver(call(f"c-{number}"), lambda: bank.refund("ada", 1)) for number in range(200)))

    assert bank.db.commits - before < 100
    assert await bank.amount("ada") == 300


async def test_groups_are_bounded(db: Database) -> None:
    """No more than the named limit share a commit, however many wait."""
    before = db.commits

    async def nothing() -> None:
        async with db.transaction():
            pass

    await asyncio.gather(*(nothing() for _ in range(5 * GROUP_MEMBERS)))

    assert db.commits - before >= 5


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


async def test_answer_only_after_the_commit(bank: Bank, file: Path) -> None:
    """Nobody is answered, a duplicate neither, before another connection can see the effect."""
    other = sqlite3.connect(file)
    seen: list[int] = []

    async def charge() -> None:
        await deliver(call("c-1"), lambda: bank.charge("ada", 30))
        seen.extend(other.execute("SELECT amount FROM accounts WHERE owner = 'ada'").fetchone())

    await asyncio.gather(charge(), charge(), charge())
    other.close()

    assert seen == [70, 70, 70]


async def test_commit_that_fails(bank: Bank) -> None:
    """A commit that fails fails every member with the word that nothing happened; then the file works again."""
    late = "CREATE TABLE claims (owner TEXT REFERENCES accounts DEFERRABLE INITIALLY DEFERRED)"
    bank.db._link.raw.execute(late)

    async def claim() -> None:
        async with bank.db.transaction() as tx:
            await tx.execute(text("INSERT INTO claims VALUES ('nobody')"))

    bodies = [lambda: bank.charge("ada", 10), claim, lambda: bank.charge("bob", 10), lambda: bank.charge("ada", 10)]
    outcomes = await asyncio.gather(*(deliver(call(f"c-{n % 3}"), body) for n, body in enumerate(bodies)))

    assert [isinstance(outcome, NotDone) and outcome.reason for outcome in outcomes] == ["storage"] * 4
    assert await bank.total() == 200
    assert await bank.db.barrier_rows() == []
    assert await deliver(call("c-0"), lambda: bank.charge("ada", 10)) == Reply(b"90")
    assert await bank.amount("ada") == 90


async def test_full_disk(bank: Bank) -> None:
    """When the file is full, those who were told of success are in it, the others are not; with space it goes on."""
    raw = bank.db._link.raw
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {pages + 30}")

    async def write(owner: str) -> None:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.insert(), {"owner": owner, "amount": 1})
            await tx.execute(entries.insert(), {"owner": owner * 500, "amount": 1})

    names = [f"customer-{number}" for number in range(100)]
    answers = await asyncio.gather(*(deliver(call(name), partial(write, name)) for name in names))
    outcomes = dict(zip(names, answers, strict=True))
    raw.execute("PRAGMA max_page_count = 1000000")
    told = {name for name, outcome in outcomes.items() if isinstance(outcome, Reply)}
    failed = {name for name, outcome in outcomes.items() if isinstance(outcome, NotDone) and "full" in outcome.what}
    kept = {row.effect_id for row in await bank.db.barrier_rows()}

    assert told | failed == set(names)
    assert failed
    assert told == kept
    assert await bank.total() == 200 + len(told)
    assert isinstance(await deliver(call(min(failed)), lambda: write(min(failed))), Reply)


@pytest.mark.parametrize(
    ("code", "failure"),
    [(sqlite3.SQLITE_FULL, NotDone), (sqlite3.SQLITE_BUSY, NotDone), (sqlite3.SQLITE_IOERR_FSYNC, OutcomeUnknown)],
)
def test_what_a_failed_commit_means(code: int, failure: type[Exception]) -> None:
    """Only a flush that fails leaves it open whether the commit reached the disk."""
    error = sqlite3.OperationalError("the commit failed")
    error.sqlite_errorcode = code

    assert type(storage_failure(error, Path("bank.db"), committing=True)) is failure
    assert type(storage_failure(error, Path("bank.db"))) is NotDone


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


async def test_cancellation_as_the_turn_comes(bank: Bank) -> None:
    """A turn that comes in the moment of the cancellation goes to the next in line."""
    slot = bank.db._slot
    await slot.take()
    waiting = [asyncio.create_task(deliver(call(f"c-{n}"), lambda: bank.charge("ada", 30))) for n in range(2)]
    await asyncio.sleep(0)

    slot.leave()
    waiting[0].cancel()
    await asyncio.wait(waiting)

    assert waiting[0].cancelled()
    assert waiting[1].result() == Reply(b"70")


async def test_disk_that_is_full_for_the_barrier(bank: Bank) -> None:
    """Where there is no room for the barrier's own row the call is not done, and says why."""
    raw = bank.db._link.raw
    raw.execute(f"PRAGMA max_page_count = {raw.execute('PRAGMA page_count').fetchone()[0] + 10}")

    async def nothing() -> None:
        async with bank.db.transaction():
            pass

    names = [f"{number}-{'x' * 3000}" for number in range(30)]
    outcomes = await asyncio.gather(*(deliver(call(name), nothing) for name in names))

    told = sum(isinstance(outcome, Reply) for outcome in outcomes)
    failures = [outcome for outcome in outcomes if isinstance(outcome, NotDone)]
    assert all("SQLITE_FULL" in failure.what for failure in failures)
    assert len(failures) == 30 - told > 0
    assert len(await bank.db.barrier_rows()) == told


async def test_body_that_goes_on_after_the_disk_was_full(bank: Bank) -> None:
    """A body that catches the error of a full disk writes nothing more, and its call is not done."""
    raw = bank.db._link.raw
    raw.execute(f"PRAGMA max_page_count = {raw.execute('PRAGMA page_count').fetchone()[0] + 2}")

    async def write() -> None:
        async with bank.db.transaction() as tx:
            with suppress(OperationalError):
                await tx.execute(entries.insert(), {"owner": "x" * 50_000, "amount": 1})
            with suppress(NotDone):
                await tx.execute(entries.insert(), {"owner": "ada", "amount": 1})

    outcome = await deliver(call("c-1"), write)

    assert isinstance(outcome, NotDone)
    assert await bank.moved("ada") == []
    assert await bank.db.barrier_rows() == []


async def test_closing_waits_for_the_last_commit(file: Path) -> None:
    """A database that is closed under waiting transactions commits them first."""
    db = await Database.open(f"sqlite:///{file}", tables=accounts.metadata)
    bank = Bank(db)
    await bank.open_account("ada", 100)
    tasks = [asyncio.create_task(deliver(call(f"c-{number}"), lambda: bank.charge("ada", 1))) for number in range(9)]
    await asyncio.sleep(0)

    await db.close()

    assert all(isinstance(task.result(), Reply) for task in tasks)


async def test_cancelled_call_whose_commit_has_begun(bank: Bank) -> None:
    """A commit is not left: a call that is cancelled meanwhile has the outcome that it has."""
    charging = asyncio.create_task(deliver(call("c-1"), lambda: bank.charge("ada", 30)))
    await asyncio.sleep(0)
    assert bank.bodies == 1

    charging.cancel()
    await asyncio.sleep(0)
    charging.cancel()

    assert await charging == Reply(b"70")
    assert await bank.amount("ada") == 70


async def test_cancelled_block_whose_commit_has_begun(bank: Bank) -> None:
    """Outside of calls a cancellation is told, once the commit has ended."""
    moving = asyncio.create_task(bank.move(30, source="ada", target="bob"))
    await asyncio.sleep(0)

    moving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await moving
    assert await bank.amount("ada") == 70
