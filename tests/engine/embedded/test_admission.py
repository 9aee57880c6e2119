"""Calls that are turned away at the door, or wait behind it: that is no attempt, and never a reason to give up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Gate, Mill, Safe, admission, not_done
from weft.clock import VirtualClock
from weft.errors import NotDone
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome
from weft.model.workflow import workflow


@workflow
async def look(key: str, *, depot: Depot, safe: Safe) -> int:
    """Pay, and then look."""
    async with saga():
        await safe.pay(key)
        return await depot.look(key)


@workflow
async def offer(key: str, *, depot: Depot) -> str:
    """Offer something for a minute."""
    try:
        await depot.offer(key)
    except NotDone as error:
        return error.reason
    return "offered"


@workflow
async def ship_both(key: str, *, depot: Depot) -> int:
    """Ship two things at once."""
    return len(await asyncio.gather(depot.ship(key), depot.ship(key * 2)))


@pytest.mark.parametrize("after", [1, 40])
async def test_a_read_outlives_a_downtime_and_a_full_queue(tmp_path: Path, after: int) -> None:
    """However long the engine was away and the queue full, the read is made once before anybody gives it up."""
    async with Mill(tmp_path, look) as mill:
        mill.script.on("look", Gate())
        await mill.host.start(look, "x", id="1")
        await mill.settle()
        await mill.kill()
        mill.clock.move_to(mill.clock.now_ms() + 60_000)
        mill.script.on("look", *[admission] * after)

        await mill.open()
        await mill.spend(HOUR)
        run = mill.host.find(look, "1")

        assert await run.result() == 0
        assert mill.books.lines == ["pay x"]


async def test_waiting_at_the_door_does_not_use_up_the_time_for_trying(tmp_path: Path) -> None:
    """The limit of a call counts from when it could be tried: what was away for less than that is waited for."""
    async with Mill(tmp_path, offer) as mill:
        mill.script.on("offer", *[admission] * 20, not_done)
        run = await mill.host.start(offer, "x", id="1")

        await mill.spend(HOUR)

        assert len(mill.script.sent("offer")) == 22
        assert await run.result() == "offered"


async def test_the_time_for_an_attempt_begins_with_the_attempt(tmp_path: Path) -> None:
    """A call that waited behind one that held up the whole program was not sent, and so it is not unknown."""
    clock = VirtualClock()
    async with Mill(tmp_path, ship_both, clock=clock) as mill:

        async def hold_up(call: Call, handler: Handler) -> Outcome:
            clock.move_to(clock.now_ms() + 60_000)
            return await handler(call)

        mill.script.on("ship", hold_up)
        run = await mill.host.start(ship_both, "x", id="1")
        await mill.settle()

        assert await run.result() == 2
        assert mill.books.lines == ["ship x", "ship xx"]
