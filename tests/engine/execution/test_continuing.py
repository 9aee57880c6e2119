"""continue_as_new: when a run may, what it leaves to its next generation, and what it must not leave behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.engine.execution.desk import Bid, Desk, Ping
from tests.engine.execution.driver import START_MS, Begin, Driver
from weft.engine.execution.entries import Told
from weft.errors import ContinuationRefused, LimitExceeded
from weft.flow.continuing import continue_as_new, journal_nearly_full
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow

SECOND = timedelta(seconds=1)


@workflow
async def counting(n: int, *, desk: Desk) -> int:
    """Count pings; continue after each."""
    ping = await receive(Ping)
    if ping.n > 0:
        await desk.note(n)
        continue_as_new(n + ping.n)
    return n


def input_of(run: Driver) -> bytes:
    """Return the input of the next generation."""
    assert run.continued is not None, "the run goes on in this generation"
    return run.continued.input


def test_run_continues_with_another_input(begin: Begin) -> None:
    """The generation ends with the next one's input, and the run has no end."""
    run = begin(counting).send(Ping(5)).reply("note.1")

    assert (input_of(run), run.ended) == (b"5", None)


def test_messages_that_nobody_received_are_left_in_order(begin: Begin) -> None:
    """What was not received, also of other kinds, is there for the next generation."""
    run = begin(counting).send(Bid(1)).send(Ping(5)).send(Ping(6)).send(Bid(2)).reply("note.1")

    assert [kind for kind, _, _ in run.execution.inbox.waiting] == ["Bid", "Ping", "Bid"]


def test_carried_messages_are_there_from_the_first_moment(begin: Begin) -> None:
    """A generation finds what came over even if it does not wait; what it was told once is not told again."""

    @workflow
    async def flow(n: int) -> int:
        return n + (await receive(Ping, within=timedelta(0))).n

    run = begin(flow, start={"carried": (Told("Ping", b'{"n":4}', "a"),)})

    assert run.result == 4
    assert run.execution.inbox.has_seen("a")


def test_continuing_in_a_saga_is_refused(begin: Begin) -> None:
    """Undos must not be forgotten: the saga unwinds as by any other error."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            continue_as_new(1)

    run = begin(flow).reply("reserve.1")

    assert run.undos == ["reserve.1"]
    assert run.reply("reserve.1~undo").failure.startswith("ContinuationRefused: continue_as_new works outside of sagas")


def test_continuing_while_effects_are_under_way_is_refused(begin: Begin) -> None:
    """An effect whose outcome nobody knows yet must come to rest first, also one that nobody waits for."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await desk.note(n)
        with pytest.raises(ContinuationRefused, match="1 calls have not come to rest"):
            continue_as_new(1)
        await desk.look(n)
        continue_as_new(2)

    run = begin(flow).fire().not_done("note.1").reply("look.1")

    assert input_of(run) == b"2"


def test_continuing_in_a_task_is_refused(begin: Begin) -> None:
    """Only the workflow itself ends its generation; a `wait_for` around it makes no difference on any Python."""

    @workflow
    async def flow(n: int) -> None:
        async def go() -> None:
            continue_as_new(n + 1)

        with pytest.raises(ContinuationRefused, match="not in a task"):
            await asyncio.create_task(go())
        await asyncio.wait_for(go(), 5)

    assert input_of(begin(flow)) == b"1"


def test_tasks_left_over_are_cancelled_before_the_generation_ends(begin: Begin) -> None:
    """Tasks and timers do not go over; an effect that a task begins too late is refused."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async def aside() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await desk.look(n)

        asyncio.create_task(aside())
        await desk.note(n)
        continue_as_new(1)

    run = begin(flow).reply("note.1")

    assert (input_of(run), run.timers, run.calls) == (b"1", {}, [])


def test_exceptions_are_not_in_the_way(begin: Begin) -> None:
    """It passes `except Exception` and leaves a task group that has nothing else to say."""

    @workflow
    async def flow(n: int) -> None:
        try:
            async with asyncio.TaskGroup():
                continue_as_new(n + 1)
        except Exception:  # noqa: BLE001 - what is tried here
            return

    assert input_of(begin(flow)) == b"1"


def test_input_over_the_limit_is_refused(begin: Begin) -> None:
    """The next input is a payload like any other."""

    @workflow
    async def flow(n: int) -> int:
        with pytest.raises(LimitExceeded):
            continue_as_new(10**12)
        return n

    assert begin(flow, limits=Limits(payload_bytes=10)).result == 0


def test_cancellation_in_the_last_moment_is_left_as_a_mark(begin: Begin) -> None:
    """A cancellation that comes while the generation waits for its end is told to the next one."""

    @workflow
    async def flow(n: int) -> None:
        async def stubborn() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(60)

        asyncio.create_task(stubborn())
        await asyncio.sleep(1)
        continue_as_new(n)

    run = begin(flow).fire().cancel("now")

    assert input_of(run) == b"0"
    assert [mark.why for mark in run.execution.marks] == ["now"]


def test_journal_nearly_full_is_told_by_count_and_recorded_limit(begin: Begin) -> None:
    """From four fifths of the limit that held when the generation began; another limit later changes nothing."""

    @workflow
    async def flow(_n: int) -> list[bool]:
        told = [journal_nearly_full()]
        for _ in range(9):
            await receive(Ping)
            told.append(journal_nearly_full())
        return told

    run = begin(flow, limits=Limits(journal_entries=10))
    for n in range(9):
        run.send(Ping(n))

    assert run.result == [False] * 8 + [True] * 2
    settings = run.settings._replace(limits=Limits(journal_entries=1_000))
    assert Driver(flow, settings, journal=run.journal).result == run.result


def test_deadline_cancels_the_run(begin: Begin) -> None:
    """Once its time has passed a run is cancelled as by an operator, undos included, and says why."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            await receive(Ping)

    run = begin(flow, start={"deadline_ms": START_MS + 5_000}).reply("reserve.1")
    assert run.timers == {"~deadline": START_MS + 5_000}
    run.fire().reply("reserve.1~undo")

    assert (run.status, run.undos) == (RunStatus.CANCELLED, ["reserve.1"])
    assert run.failure.endswith("its deadline has passed")


def test_deadline_is_forgotten_at_the_end(begin: Begin) -> None:
    """A run that ends in time leaves no timer."""
    run = begin(counting, start={"deadline_ms": START_MS + 5_000}).send(Ping(-1))

    assert (run.result, run.timers) == (0, {})
