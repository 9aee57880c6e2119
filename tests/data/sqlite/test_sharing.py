"""Shared commits: transactions that wait on one file are committed together, and fail together."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.data.bank import Bank, accounts, call, deliver, entries
from weft.data import Database
from weft.data.sqlite.connection import storage_failure
from weft.data.sqlite.sharing import GROUP_MEMBERS
from weft.errors import NotDone, OutcomeUnknown
from weft.model.call import Reply


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
    bank.db._store.link.raw.execute(late)

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
    raw = bank.db._store.link.raw
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


async def test_cancellation_as_the_turn_comes(bank: Bank) -> None:
    """A turn that comes in the moment of the cancellation goes to the next in line."""
    slot = bank.db._store.slot
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
    raw = bank.db._store.link.raw
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
    raw = bank.db._store.link.raw
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
