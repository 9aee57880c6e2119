"""A wall clock that jumps: timers are neither lost nor early, and a journal's times never go back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.engine.embedded.jump_clock import JumpClock
from tests.engine.embedded.mill import Depot, Mill
from weft.flow.time import now
from weft.model.run import RunStatus
from weft.model.workflow import workflow

START_MS = 1_700_000_000_000
DAY_MS = 86_400_000


@workflow
async def steps(count: int, *, depot: Depot) -> list[int]:
    """Sleep a minute before each step, and tell when it was."""
    times: list[int] = []
    for number in range(count):
        await asyncio.sleep(60)
        await depot.put(str(number))
        times.append(round(now().timestamp() * 1000))
    return times


def times_of(mill: Mill) -> list[int]:
    """Return the times of a run's journal, in order."""
    return [row.at_ms for row in mill.engine._open_store().journal(1)]


async def begun(mill: Mill, count: int) -> None:
    """Start a run that sleeps."""
    await mill.host.start(steps, count, id="1")
    await mill.settle()


async def test_a_jump_back_delays_and_loses_nothing(tmp_path: Path) -> None:
    """After a jump of an hour back a sleeper still wakes at the time it was to wake at, not before."""
    async with Mill(tmp_path, steps, clock=JumpClock()) as mill:
        await begun(mill, 1)
        mill.clock.move_to(START_MS - 3_600_000)
        await mill.settle()
        mill.clock.move_to(START_MS + 59_999)
        await mill.settle()
        before = list(mill.books.lines)

        mill.clock.move_to(START_MS + 60_000)
        await mill.settle()

        assert before == []
        assert await mill.host.find(steps, "1").result() == [START_MS + 60_000]


async def test_a_jump_forward_fires_what_it_passed_with_its_own_time(tmp_path: Path) -> None:
    """A jump of a day fires each timer at the time it was due, one after the other."""
    async with Mill(tmp_path, steps, clock=JumpClock()) as mill:
        await begun(mill, 2)

        mill.clock.move_to(START_MS + DAY_MS)
        await mill.settle()
        mill.clock.move_to(START_MS + DAY_MS + 60_000)
        await mill.settle()

        times = await mill.host.find(steps, "1").result()
        assert times == [START_MS + DAY_MS, START_MS + DAY_MS + 60_000]
        assert times_of(mill)[1] == START_MS + 60_000


async def test_the_times_of_a_journal_never_go_back(tmp_path: Path) -> None:
    """Whatever the clock does, each entry is at least as late as the one before it."""
    async with Mill(tmp_path, steps, clock=JumpClock()) as mill:
        await begun(mill, 6)
        for jump_ms in (DAY_MS, -DAY_MS, 2 * DAY_MS, -3 * DAY_MS, 60_000, 5 * DAY_MS, -1, 120_000, 9 * DAY_MS):
            mill.clock.move_to(mill.clock.now_ms() + jump_ms)
            await mill.settle()
        while (due_ms := mill.clock.next_due_ms()) is not None and (await mill.status(steps, "1")).is_open:
            mill.clock.move_to(due_ms)
            await mill.settle()

        times = times_of(mill)
        assert await mill.status(steps, "1") is RunStatus.COMPLETED
        assert times == sorted(times)


async def test_a_clock_that_stands_earlier_after_a_restart_loses_no_sleeper(tmp_path: Path) -> None:
    """A machine that comes back with an older clock wakes its sleepers when their time comes."""
    async with Mill(tmp_path, steps, clock=JumpClock()) as mill:
        await begun(mill, 1)
        mill.engine._work.shelf.put_back_idle()
        await mill.kill()
        mill.clock.move_to(START_MS - DAY_MS)
        await mill.open()
        await mill.settle()
        early = list(mill.books.lines)

        mill.clock.move_to(START_MS + 60_000)
        await mill.settle()

        assert early == []
        assert await mill.host.find(steps, "1").result() == [START_MS + 60_000]


async def test_sleepers_beyond_the_horizon_survive_jumps(tmp_path: Path) -> None:
    """A run that is only a row wakes once, whichever way its time was reached."""
    jumps: list[Callable[[Mill], Awaitable[None]]] = [_over_and_back, _back_and_over]
    for number, jump in enumerate(jumps):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with Mill(folder, steps, clock=JumpClock()) as mill:
            await begun(mill, 1)
            mill.engine._work.shelf.put_back_idle()

            await jump(mill)

            assert mill.books.lines == ["put 0"]


async def _over_and_back(mill: Mill) -> None:
    for at_ms in (START_MS + DAY_MS, START_MS - DAY_MS, START_MS + 2 * DAY_MS):
        mill.clock.move_to(at_ms)
        await mill.settle()


async def _back_and_over(mill: Mill) -> None:
    for at_ms in (START_MS - DAY_MS, START_MS + 59_999, START_MS + 60_000):
        mill.clock.move_to(at_ms)
        await mill.settle()
