"""A world: months pass in milliseconds, faults come as ordered, and what is on disk survives its end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.testing.till import (
    Bell,
    CardRefused,
    Reminder,
    Shelf,
    Till,
    buy,
    collect,
    corner,
    pause,
    reminders,
    ring_twice,
    wait_for,
)
from weft.errors import RunCancelled, RunFailed, SettingInvalid
from weft.host.settings import Settings
from weft.model.run import RunStatus
from weft.testing.world import World

MONTH = timedelta(days=30)


async def test_charge_once_reply_lost() -> None:
    """A reply lost on its way back charges the card once."""
    async with World(corner, seed=7) as world:
        world.faults.lose_reply(Till.charge, times=1)

        run = await world.start(buy, "o-1", id="o-1")
        await world.advance(MONTH)

        assert await run.result() == "paid o-1"
        assert (world.sent(Till.charge), world.applied(Till.charge)) == (2, 1)


async def test_time_passes_by_order_only() -> None:
    """A month of sleep takes as long as it takes to write it down, and ends when it is due."""
    async with World(corner) as world:
        began = world.now
        run = await world.start(wait_for, 30, id="w")

        await world.settle()
        standing = world.now
        await world.advance(MONTH)

        assert (standing, world.now) == (began, began + MONTH)
        assert await run.result() == (began + MONTH).isoformat()


async def test_things_happen_in_order_of_time() -> None:
    """What is due earlier happens earlier, though both are due within one advance."""
    async with World(corner) as world:
        began = world.now
        runs = [await world.start(wait_for, days, id=str(days)) for days in (20, 10)]

        await world.advance(MONTH)

        assert [await run.result() for run in runs] == [(began + timedelta(days=days)).isoformat() for days in (20, 10)]


async def test_call_that_waits_for_the_clock_is_not_waited_for() -> None:
    """A service that sleeps on the clock is in nobody's way, and wakes when it is due."""
    async with World(corner) as world:
        run = await world.start(pause, 90, id="p")

        await world.advance(timedelta(minutes=89))
        early = (await world.story(run)).view.status
        await world.advance(timedelta(minutes=1))

        assert early is RunStatus.RUNNING
        assert (await world.story(run)).view.status is RunStatus.COMPLETED


async def test_refusal_ends_in_the_undo() -> None:
    """A declined charge releases what was held."""
    async with World(corner) as world:
        world.faults.refuse(Till.charge, with_=CardRefused("o-1"))

        run = await world.start(buy, "o-1", id="o-1")
        await world.advance(MONTH)

        with pytest.raises(RunFailed, match="CardRefused"):
            await run.result()
        assert (world.applied(Shelf.reserve), world.applied(Shelf.release), world.applied(Till.charge)) == (1, 1, 0)


async def test_request_that_comes_after_its_undo_is_never_applied() -> None:
    """A request so late that its run was cancelled and undone meets its undo's mark."""
    async with World(corner) as world:
        world.faults.delay(Shelf.reserve, by=timedelta(hours=1), times=1)
        run = await world.start(buy, "o-1", id="o-1")
        await world.settle()

        await run.cancel("changed my mind")
        await world.advance(timedelta(minutes=30))
        released = world.sent(Shelf.release)
        await world.advance(timedelta(minutes=31))

        with pytest.raises(RunCancelled):
            await run.result()
        assert (released, world.applied(Shelf.reserve), world.applied(Shelf.release)) == (1, 0, 0)


async def test_duplicate_is_answered_from_the_barrier() -> None:
    """A second delivery, a day later, applies nothing."""
    async with World(corner) as world:
        world.faults.duplicate(Till.charge, after=timedelta(days=1))

        run = await world.start(buy, "o-1", id="o-1")
        await world.advance(MONTH)

        assert await run.result() == "paid o-1"
        assert (world.sent(Till.charge), world.applied(Till.charge)) == (1, 1)


@pytest.mark.parametrize("after_commit", [False, True])
async def test_service_crash_applies_once(*, after_commit: bool) -> None:
    """A service that dies before or after its commit is asked again, and has worked once in the end."""
    async with World(corner) as world:
        world.faults.crash(Till.charge, after_commit=after_commit, times=2)

        run = await world.start(buy, "o-1", id="o-1")
        await world.advance(MONTH)

        assert await run.result() == "paid o-1"
        assert (world.sent(Till.charge), world.applied(Till.charge)) == (3, 1)


async def test_instances_stand_in_for_services() -> None:
    """An instance given in place of a service is called."""
    bell = Bell()
    async with World(corner, replace={Bell: bell}) as world:
        run = await world.start(ring_twice, "o-1", id="o-1")
        await world.settle()

        assert await run.result() == 2
    assert bell.rung == ("o-1", "o-1")


async def test_restart_goes_on_from_disk() -> None:
    """Whoever waits for a run waits over its death; signals and states are on disk."""
    async with World(corner) as world:
        run = await world.start(collect, 2, id="c")
        await run.send(Reminder("a"))
        waiting = asyncio.create_task(run.result())
        await world.settle()

        await world.restart()
        shown = await run.read(reminders)
        await run.send(Reminder("b"))

        assert (shown, await waiting) == (("a",), "paid a-b")
        assert (world.lives, world.applied(Till.charge)) == (2, 1)


async def test_crash_at_a_commit_restarts_by_itself() -> None:
    """A process that dies at a commit, before anybody hears of it, is opened again; callers ask again."""
    async with World(corner) as world:
        world.crashes = lambda commit: commit == 1
        run = await world.start(buy, "o-1", id="o-1")
        await world.settle()

        assert await run.result() == "paid o-1"
        assert world.lives == 2


async def test_worlds_of_one_seed_are_alike() -> None:
    """The same seed sends the same calls, ids included, at the same times."""
    histories: list[list[object]] = []
    for _ in range(2):
        async with World(corner, seed=3) as world:
            await world.start(buy, "o-1", id="o-1")
            await world.start(buy, "broke", id="o-2")
            await world.advance(MONTH)
            histories.append(sorted((sent.call.id, sent.call.target, sent.at) for sent in world.calls))

    assert histories[0] == histories[1]
    assert len(histories[0]) == 5


async def test_outsiders_call_services() -> None:
    """A test asks a service itself, through the same faults."""
    async with World(corner) as world:
        world.faults.lose_request(Bell.ring, times=1)
        bell = world.proxy(Bell)

        with pytest.raises(Exception, match="did not answer"):
            await bell.ring("o-1")

        assert await bell.ring("o-1") == 1
        assert (world.sent(Bell.ring), world.applied(Bell.ring)) == (2, 1)


async def test_waiting_outsider_hides_no_work() -> None:
    """A caller outside runs that waits for the clock is not taken for a call of a run that works."""
    async with World(corner) as world:
        waiting = asyncio.create_task(world.proxy(Till).close_for(60))
        run = await world.start(buy, "o-1", id="o-1")
        await world.settle()

        assert (await world.story(run)).view.status is RunStatus.COMPLETED
        await world.advance(timedelta(hours=1))
        await waiting


async def test_world_of_one_seed_repeats_its_retries() -> None:
    """When a call is tried again is decided by the seed, to the millisecond."""

    async def took_ms(seed: int) -> list[int | None]:
        async with World(corner, seed=seed) as world:
            world.faults.lose_request(Till.charge, times=6)
            run = await world.start(buy, "o-1", id="o-1")
            await world.advance(timedelta(hours=1))
            return [row.took_ms for row in (await world.story(run)).rows]

    first, again, other = await took_ms(3), await took_ms(3), await took_ms(4)

    assert first == again
    assert first != other


async def test_store_that_was_named_is_kept(tmp_path: Path) -> None:
    """A world in a folder of one's own leaves its files there, and another goes on with them."""
    async with World(corner, store=tmp_path) as world:
        run = await world.start(wait_for, 1, id="w")
    async with World(corner, store=tmp_path) as world:
        await world.advance(timedelta(days=1))

        assert await world.find(wait_for, run.id).result()


async def test_wrong_setting_is_raised_at_the_door() -> None:
    """A wrong setting is raised where the world is entered."""
    with pytest.raises(SettingInvalid, match="no service 'tills'"):
        async with World(corner, settings=Settings(services={"tills": {"database": "x"}})):
            pass


async def test_story_tells_what_happened() -> None:
    """A run's timeline has its calls with their attempts."""
    async with World(corner) as world:
        world.faults.lose_request(Till.charge, times=2)
        run = await world.start(buy, "o-1", id="o-1")
        await world.advance(MONTH)

        rows = (await world.story(run)).rows

        assert [row.attempts for row in rows if row.kind == "call"] == [1, 3]
