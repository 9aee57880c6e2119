"""Limits of a step and of what a run may hold."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.execution.desk import Desk, Ping
from tests.engine.execution.driver import Begin, Driver, Settings
from weft.errors import DrainTooLong, LimitExceeded
from weft.flow.messages import receive
from weft.flow.state import State
from weft.model.policy import Limits
from weft.model.workflow import workflow

text = State("text", "")


@workflow
async def spinning(n: int, *, desk: Desk) -> None:
    """Give way for ever after a look at something."""
    await desk.look(n)
    while True:  # noqa: ASYNC110 - the story
        await asyncio.sleep(0)


def test_step_that_never_ends_is_named_by_its_line() -> None:
    """A step that does not end is stopped at its limit, and the error names the line that spins."""
    run = Driver(spinning, Settings(drain_limit=1_000)).start()

    with pytest.raises(DrainTooLong) as caught:
        run.reply("look.1")

    assert "1,000 callbacks" in caught.value.what
    assert caught.value.where == f"execution/test_drain.py:{spinning.function.__code__.co_firstlineno + 5}"
    assert run.evict() == []


def test_two_tasks_that_wake_each_other_are_stopped() -> None:
    """Tasks that keep one another busy without anything durable are stopped, too."""

    async def pong(one: asyncio.Queue[int], other: asyncio.Queue[int]) -> None:
        while True:
            await other.put(await one.get())

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        left, right = asyncio.Queue[int](), asyncio.Queue[int]()
        await left.put(n)
        await asyncio.gather(pong(left, right), pong(right, left))

    run = Driver(flow, Settings(drain_limit=1_000))

    with pytest.raises(DrainTooLong, match=r"1,000 callbacks"):
        run.start()
    assert run.evict() == []


def test_long_step_within_its_limit_ends(begin: Begin) -> None:
    """A step may be long, as long as it stays within its limit."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        for _ in range(5_000):
            await asyncio.sleep(0)
        return n

    assert begin(flow).result == 0


def test_too_many_open_calls_are_refused(begin: Begin) -> None:
    """One call more than a run may have open is refused where it is made, with what to do instead."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            for i in range(4):
                group.create_task(desk.look(i))

    run = begin(flow, limits=Limits(pending_calls=3))

    assert run.failure.startswith("ExceptionGroup")
    assert run.issued == []


def test_arguments_over_the_limit_are_refused(begin: Begin) -> None:
    """Arguments that are too large are refused at the call; the call is no command."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(10**30)

    run = begin(flow, limits=Limits(payload_bytes=20))

    assert run.failure.startswith("LimitExceeded: the arguments of desk.look has")
    assert run.issued == []


def test_state_over_the_limit_is_refused(begin: Begin) -> None:
    """A state that is too large is refused where it is set."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        text.set("x" * 100)

    run = begin(flow, limits=Limits(payload_bytes=20))

    assert run.failure.startswith("LimitExceeded")
    assert run.shown == {}


def test_inbox_tells_when_it_is_full(begin: Begin) -> None:
    """An inbox that holds as many messages as it may says so before the next one is journalled."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)
        await receive(Ping)

    run = begin(flow, limits=Limits(pending_messages=1))
    run.execution.inbox.check_room()
    run.send(Ping(1))

    with pytest.raises(LimitExceeded):
        run.execution.inbox.check_room()
