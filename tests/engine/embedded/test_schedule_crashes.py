"""Schedules under crashes and jumping clocks: each time is started once, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.jump_clock import JumpClock
from tests.engine.embedded.mill import Mill
from tests.engine.embedded.night import DAY, HOUR, MIDNIGHT, MINUTE, nap, night, note, runs_of
from weft.model.run import RunStatus
from weft.model.schedule import Overlap, Schedule
from weft.model.timing import every, to_ms


@pytest.mark.parametrize("overlap", [each for each in Overlap if each is not Overlap.SKIP])
async def test_crash_after_every_commit(overlap: Overlap) -> None:
    """However often the process dies after a commit and before what it allowed, each time is started once."""
    rule = Schedule("hourly", nap, every(HOUR), input=20, overlap=overlap)
    async with night(rule) as world:
        world.crashes = lambda number: number > 0
        await world.advance(6 * HOUR + 30 * MINUTE)

        counts = (await world.schedules.describe("hourly")).counts
        assert await runs_of(world) == {
            f"hourly@2026-01-01T0{hour}:00:00Z": RunStatus.COMPLETED for hour in range(1, 7)
        }
        assert (counts.started, counts.repeated, counts.missed) == (6, 0, 0)
        assert world.lives > 12


@pytest.mark.parametrize("every_nth", [1, 2, 3, 5])
async def test_crash_while_others_are_cancelled_and_ranges_filled(every_nth: int) -> None:
    """Cancelling what runs, waiting for its end and filling a range survive crashes, each time decided once."""
    rule = Schedule("hourly", nap, every(HOUR), input=90, overlap=Overlap.CANCEL_OTHER)
    async with night(rule) as world:
        await world.schedules.backfill("hourly", MIDNIGHT - 5 * HOUR, MIDNIGHT, overlap=Overlap.BUFFER_ALL)
        world.crashes = lambda number: number % every_nth == 0
        await world.advance(4 * HOUR)
        world.crashes = None
        await world.schedules.pause("hourly")
        await world.advance(DAY)

        view = await world.schedules.describe("hourly")
        assert len(await runs_of(world)) == view.counts.started
        assert view.counts.started + view.counts.skipped + len(view.waiting) == 6 + 4


async def test_jumps_of_the_clock_start_nothing_twice(tmp_path: Path) -> None:
    """Back by a day and on again, the hours that come twice are started once; a jump forward starts what it passed."""
    start = to_ms(MIDNIGHT)
    async with Mill(tmp_path, note, clock=JumpClock(start)) as mill:
        await mill.host.schedules.create(Schedule("hourly", note, every(HOUR), overlap=Overlap.ALLOW_ALL))
        for hours in (2, -22, 1, 3, 3, 30):
            mill.clock.move_to(start + hours * 3_600_000)
            await mill.settle()

        view = await mill.host.schedules.describe("hourly")
        runs = await mill.host.engine.list(limit=100)

    assert (view.counts.started, view.counts.repeated, view.counts.missed) == (30, 0, 0)
    assert len({run.id for run in runs}) == len(runs) == 30


async def test_thousands_of_schedules_have_one_alarm(tmp_path: Path) -> None:
    """Two thousand schedules are rows with one alarm for the earliest, and all are started when their time comes."""
    rules = [Schedule(f"s{number:05}", note, every(DAY, offset=HOUR)) for number in range(2_000)]
    async with night(*rules, store=tmp_path) as world:
        keeper = world.host.engine._work.schedules
        held = (len(keeper._pending), len(keeper._watched), len(world.clock._heap))
        await world.advance(HOUR)

        assert held[0] == held[1] == 0
        assert held[2] <= 5
        assert (await world.host.engine.list(limit=1))[0].status is RunStatus.COMPLETED
        assert all(each.counts.started == 1 for each in await world.schedules.list(limit=2_000))
