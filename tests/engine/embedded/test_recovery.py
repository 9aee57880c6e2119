"""Recovery: a process that dies at any moment, any number of times, ends the same with every effect once."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Gate, Mill, Safe
from tests.engine.embedded.victim import bakery, buy
from weft.engine.embedded.store import Store
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow

RUNS = 30
ROOT = Path(__file__).parents[3]


@workflow
async def trip(key: str, *, depot: Depot, safe: Safe) -> str:
    """Pay twice at once, and put something."""
    async with saga():
        first, second = await asyncio.gather(safe.pay(key), safe.pay(key))
        await asyncio.sleep(60)
        await depot.put(key)
    return first + second


@workflow
async def spoiled(key: str, *, safe: Safe) -> None:
    """Pay, and fail."""
    async with saga():
        await safe.pay(key)
        await asyncio.sleep(60)
        raise LookupError(key)


async def run_victim(folder: Path, kill: str) -> int:
    """Run the orders in a process of their own; return how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.engine.embedded.victim", str(folder), str(RUNS), kill, cwd=ROOT
    )
    return await process.wait()


def ends(folder: Path) -> dict[str, tuple[RunStatus, bytes | None]]:
    """Return how each order ended."""
    with closing(Store.open(folder / "bakery.db", system=bakery.name, owner=False)) as store:
        rows = store.list_runs(workflow=buy.name, limit=RUNS * 2)
    return {row.run_id: (RunStatus(row.status), row.result) for row in rows}


def lines(folder: Path) -> Counter[str]:
    """Return the bank's lines."""
    with closing(sqlite3.connect(folder / "bank.db")) as connection:
        return Counter(what for (what,) in connection.execute("SELECT what FROM moves"))


def expected_lines() -> Counter[str]:
    """Return what each order leaves behind when nobody is killed."""
    left = [f"{what} {order}" for order in range(RUNS) for what in ("charge", "note")]
    return Counter(left + [f"refund {order}" for order in range(0, RUNS, 3)])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(6))
async def test_a_process_killed_at_random_moments_ends_the_same(tmp_path: Path, seed: int) -> None:
    """Killed after commits and between services' commits and replies, again and again: nothing lost, nothing twice."""
    chance = random.Random(seed)
    killed = 0
    for _ in range(6):
        moment = f"commit:{chance.randint(1, 3)}" if chance.random() < 0.5 else f"reply:{chance.randint(1, 8)}"
        killed += await run_victim(tmp_path, moment) == -signal.SIGKILL

    assert await run_victim(tmp_path, "none") == 0

    assert killed >= 3
    assert lines(tmp_path) == expected_lines()
    assert ends(tmp_path) == {
        str(order): (RunStatus.FAILED, None) if order % 3 == 0 else (RunStatus.COMPLETED, b'"receipt %d"' % order)
        for order in range(RUNS)
    }


@pytest.mark.parametrize("commit", range(1, 12))
async def test_a_crash_between_any_commit_and_its_outputs_changes_nothing(tmp_path: Path, commit: int) -> None:
    """A crash after the n-th commit, before anything of it leaves, ends in the same effects and results."""
    async with Mill(tmp_path, trip, spoiled) as mill:
        mill.die_at = commit
        await asyncio.gather(
            mill.host.start(trip, "a", id="1"), mill.host.start(spoiled, "b", id="1"), return_exceptions=True
        )
        await mill.spend(HOUR)

        await mill.reopen()
        await asyncio.gather(mill.host.start(trip, "a", id="1"), mill.host.start(spoiled, "b", id="1"))
        await mill.spend(HOUR)

        assert mill.books_by_line == {"pay a": 2, "put a": mill.books_by_line["put a"], "pay b": 1, "refund b": 1}
        assert await mill.host.find(trip, "1").result() == "aa"
        assert await mill.status(spoiled, "1") is RunStatus.FAILED


async def test_two_thousand_runs_in_flight_resume(tmp_path: Path) -> None:
    """Every run that had a call under way has it made again, once, under the same id."""
    async with Mill(tmp_path, trip) as mill:
        mill.script.on("pay", always=Gate())
        for part in range(4):
            await asyncio.gather(*(mill.host.start(trip, "x", id=f"{part}-{number}") for number in range(500)))
        await mill.settle()
        before = [call.id for call in mill.script.calls]

        await mill.kill()
        mill.script.on("pay")
        await mill.open()
        await mill.spend(HOUR)

        again = [call.id for call in mill.script.sent("pay")[len(before) :]]
        assert sorted(again) == sorted(before)
        assert mill.books_by_line == {"pay x": 4_000, "put x": 2_000}
        assert {view.status for view in await mill.engine.list(limit=3_000)} == {RunStatus.COMPLETED}


async def test_nothing_is_sent_twice_at_once(tmp_path: Path) -> None:
    """Killed and opened again in all haste, there is never more than one attempt of a call under way."""
    async with Mill(tmp_path, trip) as mill:
        mill.script.on("pay", *[Gate() for _ in range(40)])
        for number in range(5):
            await mill.host.start(trip, "x", id=str(number))
        for _ in range(6):
            await mill.reopen()
        await mill.settle()
        for gate in mill.script.gates:
            gate.open()
        await mill.spend(HOUR)

        assert mill.script.twice == []
        assert mill.books_by_line == {"pay x": 10, "put x": 5}


async def test_timers_are_not_set_twice(tmp_path: Path) -> None:
    """A run that is made again in every minute of its sleep wakes once."""
    async with Mill(tmp_path, trip) as mill:
        await mill.host.start(trip, "x", id="1")
        for _ in range(10):
            await mill.spend(HOUR / 600)
            await mill.reopen()
        await mill.spend(HOUR)

        rows = (await mill.story(trip, "1")).rows
        assert len([row for row in rows if row.kind == "timer"]) == 1
        assert mill.books.lines == ["pay x", "pay x", "put x"]
