"""Schedules at work: what is started when, and what becomes of times that meet, are missed, or are held back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.engine.embedded.night import DAY, HOUR, MIDNIGHT, MINUTE, Enough, nap, night, note, patient, runs_of, stumble
from weft.errors import LimitExceeded, ScheduleDeclared, ScheduleExists, ScheduleInvalid, ScheduleNotFound
from weft.model.run import RunStatus
from weft.model.schedule import Occurrence, Overlap, Schedule, ScheduleCounts
from weft.model.system import System
from weft.model.timing import at, cron, every, to_ms
from weft.testing.world import World

DONE, OPEN = RunStatus.COMPLETED, RunStatus.WAITING
BERLIN = ZoneInfo("Europe/Berlin")


def hourly(overlap: Overlap, minutes: int = 90) -> Schedule:
    """Return a schedule whose runs take longer than its hour."""
    return Schedule("hourly", nap, every(HOUR), input=minutes, overlap=overlap)


async def test_nightly_through_a_year() -> None:
    """Every night of a year is started once, at two by the clocks of Berlin, and its run is told which it is."""
    async with night(Schedule("nightly", note, cron("0 2 * * *", zone="Europe/Berlin"))) as world:
        await world.advance(365 * DAY)

        runs = await runs_of(world)
        july = await world.find(note, "nightly@2026-07-01T00:00:00Z").result()
        view = await world.schedules.describe("nightly")

    assert (len(runs), set(runs.values())) == (365, {DONE})
    assert july == "2026-07-01T02:00:00+02:00"
    assert view.counts == ScheduleCounts(started=365)
    assert view.next[0] == datetime(2027, 1, 1, 2, tzinfo=BERLIN)


async def test_skip_leaves_out_what_meets_a_run() -> None:
    """While a run goes on, the times that pass are left out and counted."""
    async with night(hourly(Overlap.SKIP)) as world:
        await world.advance(4 * HOUR + 31 * MINUTE)

        assert await runs_of(world) == {"hourly@2026-01-01T01:00:00Z": DONE, "hourly@2026-01-01T03:00:00Z": DONE}
        assert (await world.schedules.describe("hourly")).counts == ScheduleCounts(started=2, skipped=2)


async def test_buffer_one_lets_one_wait() -> None:
    """While a run goes on, one time waits for its end; more are left out."""
    async with night(hourly(Overlap.BUFFER_ONE, 150)) as world:
        await world.advance(3 * HOUR)
        waiting = (await world.schedules.describe("hourly")).waiting

        await world.advance(31 * MINUTE)

        assert [each.hour for each in waiting] == [2]
        assert await runs_of(world) == {"hourly@2026-01-01T01:00:00Z": DONE, "hourly@2026-01-01T02:00:00Z": OPEN}
        assert (await world.schedules.describe("hourly")).counts == ScheduleCounts(started=2, skipped=1)


async def test_buffer_all_runs_one_after_the_other() -> None:
    """While a run goes on, every time waits, and all are run in order, one at a time."""
    async with night(hourly(Overlap.BUFFER_ALL)) as world:
        await world.advance(3 * HOUR)
        view = await world.schedules.describe("hourly")
        await world.advance(91 * MINUTE)

        runs = list(await runs_of(world))
        assert ([each.hour for each in view.waiting], view.running) == ([3], ("hourly@2026-01-01T02:00:00Z",))
        assert [each[18:20] for each in runs] == ["01", "02", "03"]


async def test_cancel_other_waits_for_the_end_of_the_cancelled() -> None:
    """The running one is asked to cancel, and the new one starts once it has ended."""
    async with night(hourly(Overlap.CANCEL_OTHER)) as world:
        await world.advance(2 * HOUR)

        runs = await runs_of(world)
        story = await world.story(world.find(nap, "hourly@2026-01-01T01:00:00Z"))

    assert list(runs.values()) == [RunStatus.CANCELLED, OPEN]
    assert "its next run is due (cancel-other) (by schedule hourly)" in [row.what for row in story.rows]


async def test_terminate_other_ends_the_running_one() -> None:
    """The running one is terminated, and the new one starts at once."""
    async with night(hourly(Overlap.TERMINATE_OTHER)) as world:
        await world.advance(2 * HOUR)

        assert list((await runs_of(world)).values()) == [RunStatus.TERMINATED, OPEN]


async def test_allow_all_runs_side_by_side() -> None:
    """Runs of one schedule go on beside one another."""
    async with night(hourly(Overlap.ALLOW_ALL, 600)) as world:
        await world.advance(3 * HOUR)

        assert list((await runs_of(world)).values()) == [OPEN] * 3


async def test_downtime_is_caught_up_within_the_window(tmp_path: Path) -> None:
    """What was missed within the window is started with its own times; older times are left out and counted."""
    rule = Schedule("daily", note, every(DAY), catchup_window=3 * DAY, overlap=Overlap.ALLOW_ALL)
    async with night(rule, store=tmp_path):
        pass
    async with night(rule, store=tmp_path, now=MIDNIGHT + 10 * DAY + HOUR) as world:
        await world.settle()

        assert [each[6:16] for each in await runs_of(world)] == ["2026-01-09", "2026-01-10", "2026-01-11"]
        assert (await world.schedules.describe("daily")).counts == ScheduleCounts(started=3, missed=7)


async def test_a_year_of_minutes_missed_is_counted(tmp_path: Path) -> None:
    """However many times were missed, they are counted in turns, and the next one is started when it is due."""
    rule = Schedule("often", note, every(MINUTE), catchup_window=timedelta(seconds=30))
    async with night(rule, store=tmp_path):
        pass
    async with night(rule, store=tmp_path, now=MIDNIGHT + 30 * DAY + timedelta(seconds=40)) as world:
        await world.advance(MINUTE)

        counts = (await world.schedules.describe("often")).counts
        assert (counts.missed, counts.started) == (30 * 24 * 60, 1)


async def test_pause_holds_and_resume_goes_on_from_now() -> None:
    """A paused schedule starts nothing; resumed, it leaves out what passed; both are remembered with who and why."""
    async with night(Schedule("daily", note, every(DAY))) as world:
        await world.schedules.pause("daily", who="ada", note="the books are closed")
        await world.advance(3 * DAY)
        paused = await world.schedules.describe("daily")
        await world.schedules.resume("daily", who="bob")
        await world.advance(DAY)

        view = await world.schedules.describe("daily")
        runs = await runs_of(world)

    assert (paused.paused, paused.note, paused.next) == (True, "the books are closed", ())
    assert list(runs) == ["daily@2026-01-05T00:00:00Z"]
    assert [(each.what, each.who, each.why) for each in view.deeds] == [
        ("resume", "bob", ""), ("pause", "ada", "the books are closed"),
    ]  # fmt: skip


async def test_failure_pauses_where_that_is_asked_for() -> None:
    """With pause_on_failure a failed run pauses its schedule, and the note names it."""
    async with night(Schedule("daily", stumble, every(DAY), input=3, pause_on_failure=True)) as world:
        await world.advance(5 * DAY)

        view = await world.schedules.describe("daily")
        assert (view.paused, view.note) == (True, "run daily@2026-01-03T00:00:00Z failed")
        assert list((await runs_of(world)).values()) == [DONE, RunStatus.FAILED]


async def test_run_that_is_out_of_time_counts_as_failed() -> None:
    """A run that is cancelled by its deadline pauses its schedule like one that failed."""
    rule = Schedule("daily", nap, every(DAY), input=600, within=HOUR, pause_on_failure=True)
    async with night(rule) as world:
        await world.advance(2 * DAY)

        assert list((await runs_of(world)).values()) == [RunStatus.CANCELLED]
        assert (await world.schedules.describe("daily")).paused


async def test_trigger_starts_now_beside_the_times() -> None:
    """A trigger starts a run under an id of its own, paused or not, and moves no time."""
    async with night(Schedule("daily", note, every(DAY))) as world:
        await world.schedules.pause("daily")
        first = await world.schedules.trigger("daily", who="ada", why="to see it")
        second = await world.schedules.trigger("daily", overlap=Overlap.ALLOW_ALL)

        runs = await runs_of(world)
        assert (first, second) == ("daily!2026-01-01T00:00:00Z", "daily!2026-01-01T00:00:00.001Z")
        assert list(runs) == [first, second]


async def test_trigger_that_meets_a_run_goes_by_its_policy() -> None:
    """A trigger is left out, or waits, as its policy says; then there is no id to tell."""
    async with night(Schedule("still", patient, every(DAY), input="x")) as world:
        first = await world.schedules.trigger("still")
        skipped = await world.schedules.trigger("still")
        buffered = await world.schedules.trigger("still", overlap=Overlap.BUFFER_ALL)
        await world.find(patient, first or "").send(Enough())
        await world.settle()

        assert (skipped, buffered) == (None, None)
        assert list((await runs_of(world)).values()) == [DONE, OPEN]


async def test_backfill_starts_what_is_missing_of_a_range() -> None:
    """A range is filled with the times that have no run yet, one after the other where that is the policy."""
    async with night(Schedule("daily", note, every(DAY))) as world:
        await world.advance(2 * DAY)
        start = MIDNIGHT - 3 * DAY
        await world.schedules.backfill("daily", start, world.now, overlap=Overlap.BUFFER_ALL, who="ada")
        await world.settle()

        view = await world.schedules.describe("daily")
        assert sorted(each[6:16] for each in await runs_of(world)) == [
            "2025-12-29", "2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03",
        ]  # fmt: skip
        assert (view.counts.started, view.counts.repeated, view.backfills) == (6, 2, ())


async def test_long_backfill_is_bounded() -> None:
    """A range of thousands of times is filled in turns, never with more waiting than the limit, and to its end."""
    async with night() as world:
        await world.schedules.create(Schedule("often", note, every(MINUTE)))
        await world.schedules.pause("often")
        start = MIDNIGHT - 1_300 * MINUTE
        await world.schedules.backfill("often", start, MIDNIGHT, overlap=Overlap.BUFFER_ALL)
        most = len((await world.schedules.describe("often")).waiting)
        await world.settle()

        view = await world.schedules.describe("often")
        assert (view.counts.started, view.counts.dropped, view.backfills) == (1_301, 0, ())
        assert most <= 1_000


async def test_jitter_is_the_same_each_time_and_keeps_the_order() -> None:
    """With jitter each start is later by its own part, the same in another life, and before the next time."""

    async def begun() -> list[int]:
        rule = Schedule("spread", note, every(HOUR), jitter=2 * HOUR)
        async with night(rule) as world:
            await world.advance(6 * HOUR)
            return [each.started_ms - each.at_ms for each in (await world.schedules.describe("spread")).recent]

    first, second = await begun(), await begun()

    assert first == second
    assert len(set(first)) == len(first) >= 5
    assert all(0 <= late < 3_600_000 for late in first)


async def test_limit_and_end() -> None:
    """A schedule starts as many runs as its limit says, or until its end, and has no next time then."""
    twice = Schedule("twice", note, every(DAY), limit=2)
    until = Schedule("until", note, every(DAY), end=MIDNIGHT + 3 * DAY)
    async with night(twice, until) as world:
        await world.advance(9 * DAY)

        views = {each.spec.id: each for each in await world.schedules.list()}
        assert [(each.counts.started, each.next) for each in views.values()] == [(2, ()), (3, ())]
        assert views["twice"].remaining == 0


async def test_update_keeps_what_happened_and_counts_new_times_from_now() -> None:
    """An updated schedule goes by its new times from now on, and keeps its runs and counts."""
    async with night() as world:
        await world.schedules.create(Schedule("mine", nap, every(DAY), input=1))
        await world.advance(DAY + HOUR)
        await world.schedules.update(Schedule("mine", nap, every(HOUR), input=1), who="ada")
        await world.advance(HOUR)

        view = await world.schedules.describe("mine")
        assert [each.id[5:] for each in view.recent] == ["2026-01-02T02:00:00Z", "2026-01-02T00:00:00Z"]
        assert view.deeds[0].what == "update"


async def test_deleted_schedule_leaves_its_runs() -> None:
    """A deleted schedule starts nothing more; its runs go on."""
    async with night() as world:
        await world.schedules.create(Schedule("mine", patient, every(HOUR), input="x"))
        await world.advance(HOUR)
        await world.schedules.delete("mine")
        await world.advance(DAY)

        assert list((await runs_of(world)).values()) == [OPEN]
        with pytest.raises(ScheduleNotFound):
            await world.schedules.describe("mine")


async def test_code_decides_what_is_declared(tmp_path: Path) -> None:
    """At each start the declared schedules are those of the code: new, changed, gone; a pause lasts."""
    async with night(Schedule("a", note, every(DAY)), Schedule("b", note, every(DAY)), store=tmp_path) as world:
        await world.schedules.pause("a", note="wait")
        await world.schedules.create(Schedule("mine", note, every(DAY)))
        with pytest.raises(ScheduleDeclared):
            await world.schedules.delete("a")
    async with night(Schedule("a", note, every(HOUR)), Schedule("c", note, every(DAY)), store=tmp_path) as world:
        views = await world.schedules.list()

    assert [(each.spec.id, each.declared, each.note) for each in views] == [
        ("a", True, "wait"), ("c", True, ""), ("mine", False, ""),
    ]  # fmt: skip
    assert views[0].spec.times.any_of == (every(HOUR),)


async def test_create_again_finds_or_refuses() -> None:
    """Created again, a schedule is found if it says the same, and refused if not."""
    async with night() as world:
        await world.schedules.create(Schedule("mine", nap, every(DAY), input=1))
        await world.schedules.create(Schedule("mine", nap, every(DAY), input=1))

        with pytest.raises(ScheduleExists):
            await world.schedules.create(Schedule("mine", nap, every(DAY), input=2))


async def test_workflow_that_is_gone_is_told_and_waited_for(tmp_path: Path) -> None:
    """Without its workflow a schedule says so and starts nothing; with it again, what was missed is started."""
    async with night(store=tmp_path) as world:
        await world.schedules.create(Schedule("mine", note, every(DAY), overlap=Overlap.ALLOW_ALL))
    bare = World(System("night", workflows=[nap]), store=tmp_path)
    bare.clock.move_to(to_ms(MIDNIGHT))
    async with bare:
        await bare.advance(2 * DAY)
        trouble = (await bare.schedules.describe("mine")).trouble
    async with night(store=tmp_path, now=MIDNIGHT + 2 * DAY) as world:
        await world.settle()

        assert trouble == "the System has no workflow 'note' any more"
        assert len(await runs_of(world)) == 2


async def test_ranges_are_bounded_and_have_passed() -> None:
    """A range that has not passed, and an eleventh range at once, are refused."""
    async with night() as world:
        await world.schedules.create(Schedule("mine", patient, every(MINUTE), input="x"))
        start = MIDNIGHT - 2_000 * MINUTE
        with pytest.raises(ScheduleInvalid):
            await world.schedules.backfill("mine", start, MIDNIGHT + MINUTE)
        for _ in range(10):
            await world.schedules.backfill("mine", start, MIDNIGHT, overlap=Overlap.BUFFER_ALL)
        with pytest.raises(LimitExceeded):
            await world.schedules.backfill("mine", start, MIDNIGHT)


async def test_exact_times() -> None:
    """A list of moments is started at those moments, and those that have passed are not."""
    rule = Schedule("thrice", note, at(MIDNIGHT - HOUR, MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR))
    async with night(rule) as world:
        await world.advance(DAY)

        assert list(await runs_of(world)) == ["thrice@2026-01-01T01:00:00Z", "thrice@2026-01-01T03:00:00Z"]


async def test_other_runs_have_no_occurrence() -> None:
    """A run that nobody's schedule started is told of none."""
    async with night() as world:
        run = await world.start(nap, 1, id="1")
        await world.advance(HOUR)

        assert await run.result() == ""
        assert Occurrence("a", MIDNIGHT) == Occurrence("a", MIDNIGHT.astimezone(BERLIN))
