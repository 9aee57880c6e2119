"""Runs that wait for a place: never more at once than the workflow says, keys in turn, rows until they begin."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.bakery import (
    HOUR,
    Again,
    Finish,
    Pages,
    Taste,
    bake,
    bakery,
    begun,
    deliver,
    finish,
    start,
    status,
)
from weft.errors import RunCancelled, RunExists, RunTerminated
from weft.model.run import RunStatus


@pytest.fixture
def pages() -> Pages:
    """Return an empty diary."""
    return Pages()


async def test_no_more_begin_than_the_workflow_says(pages: Pages) -> None:
    """Of five runs two are at work; each end lets the next one in, in the order in which they were started."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2", "a3", "a4", "a5")
        await world.settle()
        first = begun(pages)

        await finish(world, bake, "a2")
        second = begun(pages)
        await finish(world, bake, "a1", "a3", "a4", "a5")

    assert first == ["a1", "a2"]
    assert second == ["a1", "a2", "a3"]
    assert begun(pages) == ["a1", "a2", "a3", "a4", "a5"]


async def test_keys_take_turns(pages: Pages) -> None:
    """A customer with one cake does not wait for all the cakes of another who came first."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2")
        await world.settle()

        await finish(world, bake, "a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5")

    assert begun(pages) == ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]


async def test_who_comes_again_and_again_starves_nobody(pages: Pages) -> None:
    """A key that has always just one run waiting gets its turn as often as one with many, not before it."""
    async with bakery(pages) as world:
        await start(world, bake, "a0", "x0", "a1", "a2", "a3", "b1")
        await world.settle()
        for number in range(1, 4):
            await finish(world, bake, *begun(pages)[-1:])
            await start(world, bake, f"b{number + 1}")
            await finish(world, bake, *begun(pages)[-1:])

    assert begun(pages)[2:] == ["a1", "b1", "a2", "b2", "a3", "b3"]


async def test_higher_priority_goes_first(pages: Pages) -> None:
    """Who is more important begins before all others that wait, whenever it came."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2", "a3")
        await world.start(bake, "low", id="low", priority=-5)
        await world.start(bake, "high", id="high", priority=5)
        await world.settle()

        await finish(world, bake, "a1", "a2", "a3", "high", "low")

    assert begun(pages) == ["a1", "a2", "high", "a3", "low"]


async def test_a_key_has_a_limit_of_its_own(pages: Pages) -> None:
    """One run of each key at a time: a key that has its place waits, others pass it."""
    async with bakery(pages) as world:
        await start(world, deliver, "a1", "a2", "a3", "b1", "b2", "c1")
        await world.settle()
        first = begun(pages)

        await finish(world, deliver, "a1")
        await finish(world, deliver, "b1", "c1", "a2", "a3", "b2")

    assert first == ["a1", "b1", "c1"]
    assert begun(pages) == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_a_full_key_is_passed_over_among_many(pages: Pages) -> None:
    """The only run of a key with room begins at once, though a full key has hundreds in front of it."""
    async with bakery(pages) as world:
        await start(world, deliver, *(f"a{number}" for number in range(300)), "b0")
        await world.settle()

    assert begun(pages) == ["a0", "b0"]


async def test_runs_without_a_key_share_the_total_only(pages: Pages) -> None:
    """The limit of a key does not count runs that have none."""
    async with bakery(pages) as world:
        for number in range(6):
            await world.start(deliver, f"{number}", id=f"{number}")
        await world.settle()

    assert begun(pages) == ["0", "1", "2", "3"]


async def test_order_survives_a_restart(pages: Pages, tmp_path: Path) -> None:
    """Who was next before the process died is next after it, key by key."""
    async with bakery(pages, tmp_path) as world:
        await start(world, bake, "a1", "a2", "a3", "a4", "b1", "c1", "b2")
        await world.settle()
        await finish(world, bake, "a1")
        for cake in ("a2", "a3", "b1", "c1", "a4", "b2"):
            await world.restart()
            await world.settle()
            await finish(world, bake, cake)

    assert begun(pages) == ["a1", "a2", "a3", "b1", "c1", "a4", "b2"]


async def test_place_is_kept_over_restarts_and_generations(pages: Pages) -> None:
    """A run that continues as new, and one that sleeps on disk only, has its place until it ends."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2", "a3")
        await world.find(bake, "a1").send(Again())
        await world.settle()
        await world.restart()
        await world.settle()
        kept = begun(pages)

        await finish(world, bake, "a1")

    assert kept == ["a1", "a2"]
    assert begun(pages) == ["a1", "a2", "a3"]


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_who_ends_early_frees_the_place(pages: Pages, how: str) -> None:
    """A run that is cancelled or terminated has no place any more."""
    async with bakery(pages) as world:
        first, *_ = await start(world, bake, "a1", "a2", "a3")
        await world.settle()

        await (first.cancel() if how == "cancel" else world.host.engine.terminate("bake", "a1", who="ada", why="late"))
        await world.settle()

    assert begun(pages) == ["a1", "a2", "a3"]


@pytest.mark.parametrize(("how", "error"), [("cancel", RunCancelled), ("terminate", RunTerminated)])
async def test_who_waits_can_be_ended_before_it_begins(pages: Pages, how: str, error: type[Exception]) -> None:
    """A run that is cancelled or terminated while it waits ends without a line of its code, and its turn passes."""
    async with bakery(pages) as world:
        *_, third, _ = await start(world, bake, "a1", "a2", "a3", "a4")
        await world.settle()

        await (third.cancel() if how == "cancel" else world.host.engine.terminate("bake", "a3", who="ada", why="late"))
        with pytest.raises(error):
            await third.result()
        await finish(world, bake, "a1")

    assert begun(pages) == ["a1", "a2", "a4"]


async def test_messages_wait_with_the_run(pages: Pages) -> None:
    """What is sent to a run that waits is told to it in order once it begins, and a question is answered then."""
    async with bakery(pages) as world:
        *_, third = await start(world, bake, "a1", "a2", "a3")
        answer = world.find(bake, "a3").ask(Taste(), id="t1")
        asked = asyncio.ensure_future(answer)
        await world.settle()
        await third.send(Finish())
        await world.restart()
        await finish(world, bake, "a1")

        assert await asked == "a3 is good"
        assert await third.result() == "a3"


async def test_second_start_finds_the_one_that_waits(pages: Pages) -> None:
    """An id is taken from the start on: with the same input it is found, with another it is refused."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2", "a3")
        await start(world, bake, "a3")
        await world.restart()
        await start(world, bake, "a3")
        with pytest.raises(RunExists):
            await world.start(bake, "other", id="a3")
        await world.settle()
        await finish(world, bake, "a1", "a2", "a3")

    assert begun(pages) == ["a1", "a2", "a3"]


async def test_waiting_run_says_so(pages: Pages) -> None:
    """Who looks at a run that waits is told that it does, for what, and under which limits."""
    async with bakery(pages) as world:
        *_, last = await start(world, bake, "a1", "a2", "a3")
        story = await world.story(last)

    assert (story.view.status, story.view.reason) == (RunStatus.WAITING, "waiting for a place")
    assert story.waiting_for == "It is waiting for a place: 2 of bake may be at work at once (key a, priority 0)."


async def test_deadline_counts_from_the_beginning(pages: Pages) -> None:
    """The time that a run may take begins when it does, however long it waited."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2")
        late = await world.start(bake, "late", id="late", within=HOUR)
        await world.advance(5 * HOUR)
        waiting = await status(world, late)
        await finish(world, bake, "a1")
        await world.advance(HOUR / 2)
        working = await status(world, late)
        await world.advance(HOUR / 2)

        assert (waiting, working) == (RunStatus.WAITING, RunStatus.WAITING)
        assert await status(world, late) is RunStatus.CANCELLED
