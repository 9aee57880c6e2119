"""A workflow offered as an operation: a call is a run, its result the reply, its failure an unknown outcome."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from weft.errors import DeclarationInvalid, OutcomeUnknown
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.model.effect import idempotent, read
from weft.model.message import Signal
from weft.model.offering import offers
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World

DAY = timedelta(days=1)


class Baked(Signal):
    """The oven is done."""


@workflow
async def bake(loaves: int) -> str:
    """Bake for a day; nobody bakes nothing."""
    if not loaves:
        raise ValueError("no loaves")
    await asyncio.sleep(DAY.total_seconds())
    return f"{loaves} loaves"


class Bakery(Service, name="bakery"):
    """Sells what it bakes."""

    @operation(idempotent)
    @offers(bake)
    async def order(self, loaves: int) -> str:  # pyright: ignore[reportReturnType] - its body is the workflow
        """Bake."""


class Shop(Service, name="shop"):
    """Runs the baking itself, from inside an operation."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    @operation(idempotent, timeout=3 * DAY)
    async def order(self, loaves: int) -> str:
        """Bake as a child."""
        return await self.runs.run(bake, loaves, id=f"shop-{loaves}")


@workflow
async def breakfast(loaves: int, *, bakery: Bakery) -> str:
    """Order and say what came of it."""
    try:
        return await bakery.order(loaves)
    except OutcomeUnknown as error:
        return error.what


@workflow
async def lunch(loaves: int, *, shop: Shop) -> str:
    """Order from the shop."""
    return await shop.order(loaves)


town = System("town", services=[Bakery, Shop], workflows=[bake, breakfast, lunch])


async def test_a_call_is_a_run() -> None:
    """The caller waits for the run's result, which has the call's id; a restart finds the same run."""
    async with World(town) as world:
        run = await world.start(breakfast, 3, id="1")
        await world.advance(DAY / 2)
        await world.restart()
        await world.advance(DAY)

        assert await run.result() == "3 loaves"
        baked = await world.host.engine.list(workflow="bake")
        assert [view.id for view in baked] == [
            next(sent.call.id for sent in world.calls if sent.call.operation == "order")
        ]


async def test_a_failed_run_is_an_unknown_outcome_that_is_not_tried_again() -> None:
    """What a failed run did is not known to its caller; asking again would be to hear the same."""
    async with World(town) as world:
        run = await world.start(breakfast, 0, id="1")
        await world.advance(DAY)

        assert (await run.result()).partition(", ")[2].startswith("which did not complete: ValueError: no loaves")
        assert world.sent("bakery.order") == 1


async def test_outsiders_call_it_like_any_operation() -> None:
    """A proxy outside of runs waits for the run too."""
    async with World(town) as world:
        calling = asyncio.ensure_future(world.proxy(Bakery).order(2))
        await world.settle()
        await world.advance(DAY)

        assert await calling == "2 loaves"


async def test_a_lost_reply_finds_the_run() -> None:
    """A call that is repeated has the id that it had: nothing is baked twice."""
    async with World(town) as world:
        world.faults.lose_reply("bakery.order", times=1)
        run = await world.start(breakfast, 3, id="1")
        await world.advance(3 * DAY)

        assert await run.result() == "3 loaves"
        assert len(await world.host.engine.list(workflow="bake")) == 1


async def test_an_operation_runs_a_child() -> None:
    """An operation may wait for a run of days: the world does not wait for it, nor does its end close the run."""
    async with World(town) as world:
        run = await world.start(lunch, 4, id="1")
        await world.advance(DAY / 2)
        await world.restart()
        await world.advance(DAY)

        assert await run.result() == "4 loaves"


def test_what_is_offered_must_be_there() -> None:
    """A workflow that the System lacks, another number of parameters, a read: each is a problem with its line."""

    @workflow
    async def other(n: int) -> int:
        return (await receive(Baked) and 0) + n

    class Odd(Service):
        @operation(read)
        @offers(other)
        async def first(self, n: int) -> int:
            return n

        @operation(idempotent)
        async def plain(self, n: int) -> int:
            return n

    with pytest.raises(DeclarationInvalid) as invalid:
        System("odd", services=[Odd])

    assert "not part of the System" in invalid.value.what
    assert "a run is an effect" in invalid.value.what
