"""Runs that a service starts: with a key, a priority and a time, as those have that anybody else starts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.engine.embedded.bakery import HOUR, Diary, Pages, bake, begun, clean, finish, start
from weft.flow.runs import Runs
from weft.model.effect import idempotent
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World

MINUTE = timedelta(minutes=1)


class Counter(Service, name="counter"):
    """Takes orders, and has them baked or cleaned away."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    @operation(idempotent)
    async def order(self, cakes: tuple[str, ...]) -> None:
        """Have cakes baked, each more urgent than the one before; the first letter is who wants it."""
        for number, cake in enumerate(cakes):
            await self.runs.start(bake, cake, id=cake, key=cake[0], priority=number)

    @operation(idempotent)
    async def close_down(self, closes: datetime) -> None:
        """Have the shop cleaned in two hours, and the hall when it closes."""
        await self.runs.start(clean, "shop", id="shop", after=2 * HOUR)
        await self.runs.start(clean, "hall", id="hall", at=closes)


@workflow
async def sell(cakes: tuple[str, ...], *, counter: Counter) -> None:
    """Order cakes."""
    await counter.order(cakes)


@workflow
async def close(closes: datetime, *, counter: Counter) -> None:
    """Have everything cleaned."""
    await counter.close_down(closes)


SYSTEM = System("bakery", services=[Diary, Counter], workflows=[bake, clean, sell, close])


@pytest.fixture
def pages() -> Pages:
    """Return an empty diary."""
    return Pages()


def bakery(pages: Pages) -> World:
    """Return a world of a bakery with a counter."""
    return World(SYSTEM, seed=3, replace={Diary: Diary(pages)})


async def test_runs_that_a_service_starts_have_its_keys_and_priorities(pages: Pages) -> None:
    """What a service starts waits for its turn: the more urgent first, of equal ones a key after the other."""
    async with bakery(pages) as world:
        await start(world, bake, "a1", "a2")
        await world.start(bake, "b1", id="b1", key="b", priority=1)
        await world.start(sell, ("c1", "b2", "d1"), id="now")
        await world.settle()

        await finish(world, bake, "a1", "a2", "d1", "b1", "b2", "c1")

    assert begun(pages) == ["a1", "a2", "d1", "b1", "b2", "c1"]


async def test_runs_that_a_service_starts_begin_at_their_times(pages: Pages) -> None:
    """What a service starts for later begins after its duration, or at its time, and not before."""
    async with bakery(pages) as world:
        await world.start(close, world.now + 3 * HOUR, id="now")
        early, shop, hall = [await at(world, pages, for_) for for_ in (2 * HOUR - MINUTE, MINUTE, HOUR)]

    assert (early, shop, hall) == ([], ["shop"], ["shop", "hall"])


async def test_a_service_that_is_asked_again_starts_nothing_twice(pages: Pages) -> None:
    """A reply that is lost on its way back has the service start its runs again: each keeps its turn and its time."""
    async with bakery(pages) as world:
        world.faults.lose_reply(Counter.close_down, times=1)
        await world.start(close, world.now + 3 * HOUR, id="now")
        seen = await at(world, pages, 2 * HOUR)
        runs = await world.host.engine.list(limit=10)

    assert world.sent(Counter.close_down) == 2
    assert (seen, sorted(each.id for each in runs)) == (["shop"], ["hall", "now", "shop"])


async def at(world: World, pages: Pages, later: timedelta) -> list[str]:
    """Return what has begun some time later."""
    await world.advance(later)
    return begun(pages)
