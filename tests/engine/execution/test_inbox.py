"""receive: one order over kinds, a message is taken by the receive that returns it and by no other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.engine.execution.desk import Desk, Ping, Pong
from tests.engine.execution.driver import START_MS, Begin, Driver
from weft.flow.messages import receive
from weft.model.run import RunStatus
from weft.model.workflow import workflow

SECOND = timedelta(seconds=1)


def test_messages_keep_one_order_over_kinds(begin: Begin) -> None:
    """Messages of several kinds are received in the order in which they came."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        await desk.look(n)
        return [(await receive(Ping, Pong)).n for _ in range(4)]

    run = begin(flow).send(Ping(1)).send(Pong(2)).send(Ping(3)).send(Pong(4)).reply("look.1")

    assert run.result == [1, 2, 3, 4]


def test_receive_leaves_other_kinds_where_they_are(begin: Begin) -> None:
    """A receive of one kind passes over the messages of another, which keep their place."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        await desk.look(n)
        first = await receive(Pong)
        return [first.n, (await receive(Ping, Pong)).n, (await receive(Ping, Pong)).n]

    run = begin(flow).send(Ping(1)).send(Pong(2)).send(Ping(3)).reply("look.1")

    assert run.result == [2, 1, 3]


def test_receive_that_timed_out_takes_nothing(begin: Begin) -> None:
    """A message that comes after the time has passed goes to the next receive."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await receive(Ping, within=5 * SECOND)
        except TimeoutError:
            await desk.look(n)
        return (await receive(Ping)).n

    run = begin(flow)
    assert run.timers == {"timer.1": START_MS + 5_000}

    assert run.fire().send(Ping(8)).reply("look.1").result == 8


def test_receive_in_time_takes_its_timer_back(begin: Begin) -> None:
    """A message in time ends the wait, and no timer is left."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return (await receive(Ping, within=5 * SECOND)).n + n

    run = begin(flow).send(Pong(1)).send(Ping(2))

    assert (run.result, run.timers) == (2, {})


def test_receive_within_nothing_takes_what_is_there(begin: Begin) -> None:
    """A receive that may not wait returns a message that is there and else times out in the same step."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        await desk.look(n)
        first = await receive(Ping, within=timedelta(0))
        try:
            await receive(Ping, within=-SECOND)
        except TimeoutError:
            return first.n
        return -1

    run = begin(flow).send(Ping(6)).reply("look.1")

    assert (run.result, run.timers) == (6, {})


def test_two_receivers_take_one_message_each(begin: Begin) -> None:
    """Two receives that wait for one kind take one message each, first come first served."""

    async def take(found: list[tuple[int, int]], number: int) -> None:
        found.append((number, (await receive(Ping)).n))

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        await asyncio.gather(take(found, 1), take(found, 2))
        return found

    assert begin(flow).send(Ping(10)).send(Ping(20)).result == [(1, 10), (2, 20)]


def test_receive_cancelled_by_another_one_takes_nothing(begin: Begin) -> None:
    """Of two receives that race, the one that lost takes nothing: the second message is still there."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        one, two = (asyncio.create_task(receive(Ping)) for _ in range(2))
        done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await desk.look(n)
        return [task.result().n for task in done] + [(await receive(Ping)).n]

    assert begin(flow).send(Ping(1)).send(Ping(2)).reply("look.1").result == [1, 2]


def test_receive_cancelled_in_the_same_step_wakes_the_next(begin: Begin) -> None:
    """A receive that is cancelled in the very step in which its message came leaves it to the one behind it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        async def breaker(victim: asyncio.Task[Ping]) -> None:
            await receive(Pong)
            victim.cancel()

        first = asyncio.create_task(receive(Ping))
        second = asyncio.create_task(receive(Ping))
        _breaker = asyncio.create_task(breaker(first))
        return [(await second).n, n]

    assert begin(flow).send(Pong(0)).send(Ping(5)).result == [5, 0]


def test_wait_for_around_receive_takes_nothing_when_it_times_out(begin: Begin) -> None:
    """The standard wait_for around a receive loses no message, on any Python."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await asyncio.wait_for(receive(Ping), 5)
        except TimeoutError:
            await desk.look(n)
        return (await receive(Ping)).n

    assert begin(flow).fire().send(Ping(4)).reply("look.1").result == 4


def test_wait_for_around_receive_returns_the_message(begin: Begin) -> None:
    """The standard wait_for around a receive returns what came in time."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return (await asyncio.wait_for(receive(Ping), 5)).n + n

    assert begin(flow).send(Ping(4)).result == 4


def test_message_to_a_run_that_has_ended_is_harmless(begin: Begin) -> None:
    """A message that is told after the end changes nothing."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return n

    assert begin(flow).send(Ping(1)).status is RunStatus.COMPLETED


def test_kinds_wanted_are_those_that_somebody_waits_for(begin: Begin) -> None:
    """The inbox tells which kinds are waited for, and none once they are received."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return (await receive(Pong, Ping)).n + n

    run = begin(flow)
    assert run.execution.inbox.wanted == ["Ping", "Pong"]
    run.send(Pong(1))

    assert (run.execution.inbox.wanted, len(run.execution.inbox)) == ([], 0)
    assert run.execution.inbox.has_seen("m1")


def test_wake_up_of_a_cancelled_receive_is_passed_on() -> None:
    """A receive that was woken and is cancelled before it runs passes its wake-up on to the one behind it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)

    run = Driver(flow)
    loop, inbox = run.execution.loop, run.execution.inbox
    first, second = (loop.create_task(inbox.receive(("Ping",), None)) for _ in range(2))
    loop.drain()
    inbox.put("Ping", b"1", message_id="m")
    first.cancel()
    loop.drain()

    assert first.cancelled()
    assert second.result() == ("Ping", b"1", "m")
