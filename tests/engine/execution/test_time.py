"""Time inside a run: it never goes back, delays round up, and the loop's clock and now() agree."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.engine.execution.desk import Desk, Ping
from tests.engine.execution.driver import START_MS, Begin
from weft.clock import to_datetime
from weft.flow.messages import receive
from weft.flow.time import now
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def look_at_clock(n: int, *, desk: Desk) -> list[float]:
    """Return what the two clocks show before and after a message, in seconds since the start."""
    start = now()
    before = asyncio.get_running_loop().time()
    await receive(Ping)
    return [before, (now() - start) / timedelta(seconds=1), asyncio.get_running_loop().time()]


def test_time_is_that_of_the_entry(begin: Begin) -> None:
    """now() and loop.time() show the time of the entry that is told."""
    run = begin(look_at_clock).send(Ping(1), at_ms=START_MS + 2_500)

    assert run.result == [0.0, 2.5, 2.5]


def test_time_never_goes_back(begin: Begin) -> None:
    """An entry whose time lies before that of the one before it does not turn the clock back."""
    run = begin(look_at_clock).send(Ping(1), at_ms=START_MS - 60_000)

    assert run.result == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("delay", "due_ms"),
    [
        (0.001, 1),
        (0.0001, 1),
        (1e-9, 1),
        (0.0011, 2),
        (1.5, 1_500),
        (0.1 + 0.2, 300),
        (2.0000001, 2_000),
        (1e9, 10**12),
    ],
)
def test_delays_round_up_to_a_millisecond(begin: Begin, delay: float, due_ms: int) -> None:
    """A sleep is at least a millisecond and never shorter than asked, but for the noise of a float."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.sleep(delay)

    run = begin(flow)

    assert run.timers == {"timer.1": START_MS + due_ms}


@pytest.mark.parametrize("delay", [0, -1, -0.001])
def test_sleep_of_nothing_sets_no_timer(begin: Begin, delay: float) -> None:
    """A sleep of nothing gives way for one turn, and no timer is set."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        await asyncio.sleep(delay)
        return n

    run = begin(flow)

    assert (run.result, run.timers) == (0, {})


@pytest.mark.parametrize("within", [0, -5])
def test_timeout_of_nothing_strikes_at_the_first_await(begin: Begin, within: float) -> None:
    """A timeout that has passed already strikes at once: no timer, and the call never was."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(within):
                await desk.note(n)
        except TimeoutError:
            return 1
        return 0

    run = begin(flow)

    assert (run.result, run.issued, run.timers) == (1, [], {})


def test_sleeping_until_due_ends(begin: Begin) -> None:
    """`while time() < due: sleep(rest)` ends, whatever floats do to the rest."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        loop = asyncio.get_running_loop()
        due, turns = loop.time() + 0.1 + 0.2 + 1e-7, 0
        while loop.time() < due:
            await asyncio.sleep(due - loop.time())
            turns += 1
        return turns

    run = begin(flow)
    while run.timers:
        run.fire()

    assert run.result <= 2


def test_timeout_at_is_a_time_of_the_loop(begin: Begin) -> None:
    """timeout_at takes a time of the loop, and may be moved."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> float:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(loop.time() + 5) as limit:
                limit.reschedule(loop.time() + 9)
                await asyncio.sleep(60)
        except TimeoutError:
            return loop.time()
        return -1.0

    run = begin(flow)
    assert set(run.timers.values()) == {START_MS + 9_000, START_MS + 60_000}

    assert run.fire().result == 9.0
    assert run.timers == {}


def test_call_later_and_its_cancel_are_durable(begin: Begin) -> None:
    """loop.call_later is a durable timer, and cancelling its handle takes it back."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        loop, found = asyncio.get_running_loop(), [n]
        loop.call_later(1, found.append, 1)
        handle = loop.call_at(loop.time() + 2, found.append, 2)
        loop.call_at(loop.time() - 5, found.append, 3)
        await receive(Ping)
        handle.cancel()
        assert handle.cancelled()
        return found

    run = begin(flow)
    assert sorted(run.timers.values()) == [START_MS + 1, START_MS + 1_000, START_MS + 2_000]

    run.fire().fire().send(Ping(0))
    assert (run.result, run.timers) == ([0, 3, 1], {})


def test_timers_left_over_are_taken_back_at_the_end(begin: Begin) -> None:
    """A timer that nobody waits for does not hold the run's end up, and is taken back with it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        asyncio.get_running_loop().call_later(3600, int)
        await desk.look(n)
        return n

    run = begin(flow).reply("look.1")

    assert (run.result, run.timers) == (0, {})


@pytest.mark.parametrize("delay", [float("inf"), float("nan"), 1e12])
def test_timer_without_end_is_refused(begin: Begin, delay: float) -> None:
    """A timer of more than a hundred years, or of no number at all, is refused with what to do instead."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        asyncio.get_running_loop().call_later(delay, int)

    run = begin(flow)

    assert run.failure.startswith("NotDeterministic: a timer of")


def test_now_is_aware_and_exact(begin: Begin) -> None:
    """now() is an aware UTC datetime that is exact to the millisecond."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> str:
        return now().isoformat()

    run = begin(flow)

    assert run.status is RunStatus.COMPLETED
    assert run.result == to_datetime(START_MS).isoformat()
