"""Races of messages and timers with asyncio's own means: one wins, and the others take nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.engine.execution.desk import Bid, Desk, Ping, Pong
from tests.engine.execution.driver import Begin
from weft.flow.messages import receive
from weft.model.workflow import workflow


@workflow
async def race(_: int, *, desk: Desk) -> list[str]:
    """Wait for a ping, a pong or ten seconds, whichever is first; then take what is left."""
    told: list[str] = []
    for _round in range(2):
        ping, pong = asyncio.create_task(receive(Ping)), asyncio.create_task(receive(Pong))
        late = asyncio.create_task(asyncio.sleep(10))
        done, pending = await asyncio.wait({ping, pong, late}, return_when=asyncio.FIRST_COMPLETED)
        told += [name for name, task in (("ping", ping), ("pong", pong), ("late", late)) if task in done]
        for task in pending:
            task.cancel()
        await desk.look(0)
    while True:
        try:
            told.append(f"left {(await receive(Ping, Pong, within=timedelta(0))).n}")
        except TimeoutError:
            return told


def test_first_message_wins_and_the_other_is_left(begin: Begin) -> None:
    """The receive that lost takes no message: what comes next is there for the next round."""
    run = begin(race).send(Ping(1)).send(Pong(2)).reply("look.1")
    run.send(Pong(3)).reply("look.2")

    assert run.result == ["ping", "pong", "left 3"]


def test_timer_wins(begin: Begin) -> None:
    """Time passes, and messages that come in the same moment are not lost."""
    run = begin(race).fire("task.3/timer.1").send(Ping(1)).send(Pong(2)).reply("look.1").reply("look.2")

    assert run.result == ["late", "ping", "pong"]


def test_receives_of_one_race_take_one_message_each(begin: Begin) -> None:
    """Two kinds that were there before the race are both taken by it."""
    run = begin(race).fire("task.3/timer.1").send(Ping(1)).send(Ping(4)).reply("look.1").reply("look.2")

    assert run.result == ["late", "ping", "left 4"]


def test_update_that_lost_a_race_is_answered_later(begin: Begin) -> None:
    """A receive of an update that is cancelled in the moment of its wake-up passes it on."""

    @workflow
    async def flow(n: int) -> int:
        first, second = asyncio.create_task(receive(Bid)), asyncio.create_task(receive(Bid, Ping))
        await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
        second.cancel()
        first.result().answer(1)
        (await receive(Bid)).answer(2)
        return n

    run = begin(flow).send(Bid(1)).send(Bid(2))

    assert [each.data for each in run.answers] == [b"1", b"2"]


def test_wait_for_a_message_is_bounded_by_a_timeout(begin: Begin) -> None:
    """`asyncio.timeout` around a receive leaves the message that comes too late where it is."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5):
                return (await receive(Ping)).n
        except TimeoutError:
            await desk.look(n)
        return -(await receive(Ping)).n

    run = begin(flow).fire().send(Ping(7)).reply("look.1")

    assert (run.result, run.timers) == (-7, {})
