"""Runs that wait: out of memory, as rows on disk; back when time, a message or a cancellation comes for them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.engine.embedded.jump_clock import JumpClock
from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill
from weft.clock import Clock
from weft.engine.embedded import timetable
from weft.engine.embedded.shelf import IDLE_AT_MOST, Shelf
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.flow.time import now
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Wake(Signal):
    """Enough slept."""

    why: str


@workflow
async def nap(minutes: int) -> str:
    """Sleep until time or a word wakes it, and tell when it was."""
    try:
        word = await receive(Wake, within=timedelta(minutes=minutes))
    except TimeoutError:
        return now().isoformat()
    return word.why


@workflow
async def careful(key: str, *, depot: Depot) -> None:
    """Take something and sleep over it."""
    async with saga():
        await depot.take(key)
        await asyncio.sleep(24 * 3600)


@workflow
async def rounds(count: int, *, depot: Depot) -> list[str]:
    """Put something each minute, and tell when."""
    times: list[str] = []
    for number in range(count):
        await asyncio.sleep(60)
        await depot.put(str(number))
        times.append(now().isoformat())
    return times


def shelf_of(mill: Mill) -> Shelf:
    """Return what the engine has in memory."""
    return mill.engine._work.shelf


def in_memory(mill: Mill) -> tuple[int, int]:
    """Return how many runs and how many times the engine has in memory."""
    return len(shelf_of(mill)), len(mill.engine._work.timetable._heap)


def at(clock: Clock, after: timedelta) -> str:
    """Return a time as the runs tell it."""
    ms = clock.now_ms() + after // timedelta(milliseconds=1)
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


async def test_an_idle_run_leaves_memory_and_comes_back_in_time(tmp_path: Path) -> None:
    """A run that sleeps is a row; it is made again when its time has come, and does not notice."""
    async with Mill(tmp_path, nap) as mill:
        due = at(mill.clock, 30 * MINUTE)
        run = await mill.host.start(nap, 30, id="1")
        shelf_of(mill).put_back_idle()
        in_memory = len(shelf_of(mill))

        await mill.spend(HOUR)

        assert in_memory == 0
        assert await run.result() == due


async def test_a_message_wakes_a_sleeping_run(tmp_path: Path) -> None:
    """A message for a run that is not in memory brings it back."""
    async with Mill(tmp_path, nap) as mill:
        run = await mill.host.start(nap, 30, id="1")
        shelf_of(mill).put_back_idle()

        await run.send(Wake("the phone"))

        assert await run.result() == "the phone"
        assert len(shelf_of(mill)) == 0


async def test_a_cancellation_wakes_a_sleeping_run_and_undoes_it(tmp_path: Path) -> None:
    """A cancelled sleeper comes back to undo what it has done."""
    async with Mill(tmp_path, careful) as mill:
        run = await mill.host.start(careful, "x", id="1")
        await mill.settle()
        shelf_of(mill).put_back_idle()

        await run.cancel("change of plan")
        await mill.settle()

        assert await mill.status(careful, "1") is RunStatus.CANCELLED
        assert mill.books.lines == ["take x", "give back x"]


async def test_a_run_with_a_call_under_way_stays(tmp_path: Path) -> None:
    """Only who has nothing under way leaves memory."""
    async with Mill(tmp_path, careful) as mill:
        mill.script.on("take", Gate())
        await mill.host.start(careful, "x", id="1")
        await mill.settle()

        shelf_of(mill).put_back_idle()

        assert len(shelf_of(mill)) == 1
        assert mill.script.held == 1


async def test_runs_leave_memory_one_by_one_many_times(tmp_path: Path) -> None:
    """A run that is put back on disk at each of its waits ends as if it never was."""
    async with Mill(tmp_path, rounds) as mill:
        start = mill.clock.now_ms()
        run = await mill.host.start(rounds, 5, id="1")
        for _ in range(11):
            await mill.spend(30 * SECOND)
            shelf_of(mill).put_back_idle()

        times = [datetime.fromisoformat(time).timestamp() * 1000 - start for time in await run.result()]
        assert times == [60_000, 120_000, 180_000, 240_000, 300_000]
        assert mill.books.lines == [f"put {number}" for number in range(5)]


async def test_timers_due_while_nobody_ran_fire_at_once_with_the_time_they_were_due(tmp_path: Path) -> None:
    """After a downtime a sleeper wakes at once, and tells the time at which it should have woken."""
    async with Mill(tmp_path, nap) as mill:
        due = at(mill.clock, 30 * MINUTE)
        await mill.host.start(nap, 30, id="1")
        await mill.kill()
        mill.clock.move_to(mill.clock.now_ms() + 3 * 3_600_000)

        await mill.open()
        await mill.settle()
        await mill.spend(SECOND / 1000)

        assert await mill.host.find(nap, "1").result() == due


async def test_a_limit_of_time_passes_while_nobody_runs(tmp_path: Path) -> None:
    """Timers are wall time: after a downtime that was longer, a limit has passed."""
    async with Mill(tmp_path, careful) as mill:
        await mill.host.start(careful, "x", id="1")
        await mill.settle()
        await mill.kill()
        mill.clock.move_to(mill.clock.now_ms() + 25 * 3_600_000)

        await mill.open()
        await mill.spend(SECOND)

        assert await mill.status(careful, "1") is RunStatus.COMPLETED


@pytest.mark.timeout(240)
async def test_twenty_thousand_sleepers_are_rows(tmp_path: Path) -> None:
    """Sleepers beyond the next minute cost no memory, and those due at one moment are woken in parts."""
    async with Mill(tmp_path, nap) as mill:
        for part in range(20):
            await asyncio.gather(*(mill.host.start(nap, 30, id=f"{part}-{number}") for number in range(1_000)))
            assert len(shelf_of(mill)) <= IDLE_AT_MOST + 1_000
        shelf_of(mill).put_back_idle()
        asleep = in_memory(mill)
        await mill.reopen()
        after_crash = in_memory(mill)
        await mill.spend(30 * MINUTE)

        assert asleep[0] == after_crash[0] == after_crash[1] == 0
        assert asleep[1] <= timetable.COMPACT_OVER

        assert {view.status for view in await mill.engine.list(limit=20_000)} == {RunStatus.COMPLETED}
        assert len(shelf_of(mill)) == 0


async def test_many_that_are_due_at_once_leave_the_loop_its_turns(tmp_path: Path) -> None:
    """However many wake in one moment, others get a turn between every few hundred of them."""
    clock = JumpClock()
    async with Mill(tmp_path, nap, clock=clock) as mill:
        count = 4 * timetable.WAKES_AT_ONCE
        await asyncio.gather(*(mill.host.start(nap, 30, id=str(number)) for number in range(count)))
        shelf_of(mill).put_back_idle()
        awake = [0]

        clock.move_to(clock.now_ms() + 30 * 60_000)
        while (await mill.status(nap, str(count - 1))).is_open:
            await asyncio.sleep(0)
            awake.append(len(shelf_of(mill)))

        assert 0 < max(after - before for before, after in pairwise(awake)) <= timetable.WAKES_AT_ONCE


async def test_a_sleeper_is_shown_as_waiting_until_when(tmp_path: Path) -> None:
    """Its story says until when it sleeps."""
    async with Mill(tmp_path, nap) as mill:
        await mill.host.start(nap, 30, id="1")

        story = await mill.story(nap, "1")

        assert story.view.status is RunStatus.WAITING
        assert story.waiting_for.startswith("It sleeps until 2023-11-14T22:43:20.000")
