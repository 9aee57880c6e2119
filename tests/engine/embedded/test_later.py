"""Runs that begin later: rows until their time, wherever they were started from."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from tests.engine.embedded.bakery import (
    HOUR,
    SYSTEM,
    Diary,
    Finish,
    Pages,
    bake,
    bakery,
    begun,
    clean,
    finish,
    order,
    start,
    status,
)
from weft.errors import QueueingInvalid, RunCancelled
from weft.model.run import RunStatus
from weft.testing.crash import crash_everywhere

MINUTE = timedelta(minutes=1)


@pytest.fixture
def pages() -> Pages:
    """Return an empty diary."""
    return Pages()


async def test_run_begins_at_its_time(pages: Pages) -> None:
    """A run begins at the time that was said, by its own clock, and not before."""
    async with bakery(pages) as world:
        opens = world.now + 3 * HOUR
        run = await world.start(clean, "hall", id="hall", at=opens.astimezone(timezone(timedelta(hours=8))))
        await world.advance(3 * HOUR - MINUTE)
        early = begun(pages)
        await world.advance(MINUTE)

        assert early == []
        assert await run.result() == f"{opens:%H:%M}"


async def test_run_begins_after_a_duration_though_the_process_died(pages: Pages, tmp_path: Path) -> None:
    """A run that begins later is on disk: a restart neither loses nor delays it."""
    async with bakery(pages, tmp_path) as world:
        await world.start(clean, "hall", id="hall", after=2 * HOUR)
        await world.advance(HOUR)
        await world.restart()
        await world.advance(HOUR)

    assert begun(pages) == ["hall"]


async def test_time_that_passed_while_nothing_ran(pages: Pages, tmp_path: Path) -> None:
    """A run whose time came while no engine ran begins when one does, once."""
    async with bakery(pages, tmp_path) as world:
        await world.start(clean, "hall", id="hall", after=HOUR)
    async with bakery(pages, tmp_path) as world:
        world.clock.move_to(world.clock.now_ms() + 5 * 3_600_000)
        await world.settle()

    assert begun(pages) == ["hall"]


async def test_time_in_the_past_is_now(pages: Pages) -> None:
    """Who asks too late is served at once."""
    async with bakery(pages) as world:
        await world.start(clean, "hall", id="hall", at=world.now - HOUR)
        await world.settle()

    assert begun(pages) == ["hall"]


async def test_waiting_until_is_told(pages: Pages) -> None:
    """Who looks at a run that begins later is told when."""
    async with bakery(pages) as world:
        run = await world.start(clean, "hall", id="hall", after=HOUR)
        story = await world.story(run)
        until = (world.now + HOUR).isoformat(timespec="milliseconds")

    assert (story.view.status, story.view.reason) == (RunStatus.WAITING, f"waiting until {until}")
    assert story.waiting_for == f"It is waiting until {until}, when it begins (priority 0)."


@pytest.mark.parametrize("restart", [False, True])
async def test_cancelled_before_its_time(pages: Pages, *, restart: bool) -> None:
    """A run that is cancelled before its time never begins."""
    async with bakery(pages) as world:
        run = await world.start(clean, "hall", id="hall", after=HOUR)
        if restart:
            await world.restart()
        await run.cancel("no guests")
        with pytest.raises(RunCancelled, match="before it began: no guests"):
            await run.result()
        await world.advance(2 * HOUR)

    assert begun(pages) == []


async def test_later_takes_its_turn(pages: Pages) -> None:
    """A run whose time has come waits for a place like any other, in the line of its key."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2")
        later = await world.start(bake, "b1", id="b1", key="b", after=HOUR)
        await start(world, bake, "a3", "b2")
        await world.advance(2 * HOUR)
        story = await world.story(later)
        await finish(world, bake, "a1", "a2", "a3")

    assert story.view.reason == "waiting for a place"
    assert begun(pages) == ["a1", "a2", "a3", "b1", "b2"]


async def test_message_before_its_time_does_not_begin_it(pages: Pages) -> None:
    """What is sent to a run before its time is kept, and the run begins when it should."""
    async with bakery(pages) as world:
        run = await world.start(bake, "a1", id="a1", after=HOUR)
        await world.restart()
        await run.send(Finish())
        await world.advance(HOUR / 2)
        early = (begun(pages), await status(world, run))
        await world.advance(HOUR / 2)

        assert early == ([], RunStatus.WAITING)
        assert (begun(pages), await run.result()) == (["a1"], "a1")


async def test_many_at_one_time(pages: Pages) -> None:
    """Everything that was said to begin at one moment begins then, whether or not it is more than one look takes."""
    async with bakery(pages) as world:
        for number in range(600):
            await world.start(clean, f"{number}", id=f"{number}", after=HOUR)
        await world.restart()
        await world.advance(HOUR)

    assert sorted(map(int, begun(pages))) == list(range(600))


async def test_workflow_starts_with_all_options(pages: Pages) -> None:
    """A run that starts others says when their turn comes, counted from its own time, through every crash."""
    async with bakery(pages) as world:
        world.crashes = lambda commit: commit % 2 == 0
        await world.start(order, "a1 a2 a3 b1", id="o")
        await world.settle()
        early = begun(pages)
        await world.advance(3 * MINUTE)
        world.crashes = None
        await finish(world, bake, "a1", "a2")

    assert early == ["a1"]
    assert begun(pages) == ["a1", "a2", "b1", "a3"]


async def test_order_is_the_same_whatever_crashes() -> None:
    """A workflow that starts others later ends alike, crashed after each of its commits, and after all."""
    report = await crash_everywhere(SYSTEM, order, "a1 b1 a2", replace=lambda: {Diary: Diary(Pages())}, within=HOUR)

    assert report.ending.result == b'"a1 b1 a2"'


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"after": -HOUR}, "in the past"),
        ({"priority": 1_001}, "priority=1001"),
        ({"at": "naive"}, "no time zone"),
        ({"at": "aware", "after": HOUR}, "both"),
    ],
)
async def test_impossible_turns_are_refused(pages: Pages, options: dict[str, object], what: str) -> None:
    """A turn that cannot be is refused where it is asked for, and nothing is started."""
    async with bakery(pages) as world:
        times = {"naive": world.now.replace(tzinfo=None), "aware": world.now}
        given = {name: times.get(value, value) if isinstance(value, str) else value for name, value in options.items()}
        with pytest.raises(QueueingInvalid, match=what):
            await world.start(clean, "hall", id="hall", **given)  # type: ignore[arg-type]
        runs = await world.host.engine.list()

    assert runs == []


async def test_unknown_option_is_refused(pages: Pages) -> None:
    """An option that is misspelt is no option."""
    async with bakery(pages) as world:
        with pytest.raises(TypeError, match="prority"):
            await world.start(clean, "hall", id="hall", prority=1)  # type: ignore[arg-type]
