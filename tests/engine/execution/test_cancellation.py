"""Cancellation of runs, tasks and waits, and what becomes of the calls that were awaited."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.engine.execution.desk import Desk, Ping
from tests.engine.execution.driver import Begin
from weft.errors import EntryCorrupt
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


def test_call_cancelled_in_its_own_step_never_was(begin: Begin) -> None:
    """A call that is cancelled before its commit is no command and is not undone."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            task = asyncio.create_task(desk.reserve(n))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            raise ValueError(n)

    run = begin(flow)

    assert (run.status, run.issued, run.abandoned) == (RunStatus.FAILED, [], [])


def test_task_cancelled_before_it_started_does_nothing(begin: Begin) -> None:
    """A task that is cancelled before its first step issues nothing."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        task = asyncio.create_task(desk.note(n))
        task.cancel()
        await asyncio.wait([task])
        return int(task.cancelled())

    run = begin(flow)

    assert (run.result, run.issued) == (1, [])


def test_abandoned_effect_stays_open_until_its_outcome(begin: Begin) -> None:
    """Cancelling the wait for an effect ends its retries; its outcome is still an entry, and the end waits for it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5):
                await desk.note(n)
        except TimeoutError:
            return 1
        return 0

    run = begin(flow).fire()
    assert (run.abandoned, run.calls, run.status) == (["note.1"], ["note.1"], None)

    assert run.reply("note.1").result == 1


def test_abandoned_read_is_forgotten(begin: Begin) -> None:
    """Cancelling the wait for a read ends it: the run does not wait, and a late reply is no entry."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5):
                await desk.look(n)
        except TimeoutError:
            return 1
        return 0

    run = begin(flow).fire()

    assert (run.abandoned, run.calls, run.result) == (["look.1"], [], 1)
    with pytest.raises(EntryCorrupt):
        run.again().reply("look.1")


def test_reply_before_the_timeout_cancels_the_timer(begin: Begin) -> None:
    """A call that is answered in time takes its timer back."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with asyncio.timeout(5):
            return await desk.note(n)

    run = begin(flow)
    assert list(run.timers.values()) == [1_005_000]

    assert run.reply("note.1", 9).result == 9
    assert run.timers == {}


def test_swallowed_cancellation_lets_the_run_go_on(begin: Begin) -> None:
    """A run that swallows its cancellation goes on, as in asyncio."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await desk.note(n)
        except asyncio.CancelledError:
            return await desk.look(n)
        return -1

    run = begin(flow).cancel().reply("look.1", 5)
    assert run.status is None

    assert run.reply("note.1").result == 5


def test_cancelling_twice_interrupts_the_clean_up_too(begin: Begin) -> None:
    """A second cancellation strikes at the await at which the clean-up of the first one stands."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            await desk.note(n)
        finally:
            await desk.look(n)

    run = begin(flow).cancel().cancel().reply("note.1")

    assert (run.status, run.abandoned) == (RunStatus.CANCELLED, ["note.1", "look.1"])


def test_the_reason_of_a_cancellation_is_its_message(begin: Begin) -> None:
    """The workflow sees why it is cancelled."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> str:
        try:
            await asyncio.sleep(n + 60)
        except asyncio.CancelledError as error:
            return str(error)
        return ""

    assert begin(flow).cancel("out of stock").result == "out of stock"


def test_cancel_after_the_end_changes_nothing(begin: Begin) -> None:
    """A cancellation that comes after the workflow has returned changes nothing of its end."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        _task = asyncio.create_task(desk.note(n))
        await desk.look(n)
        return 3

    run = begin(flow).reply("look.1").cancel().reply("task.1/note.1")

    assert run.result == 3


def test_gather_leaves_the_other_calls_alone_when_one_fails(begin: Begin) -> None:
    """Outside a saga a gather that fails lets its other calls go on, as in asyncio; the end of the run stops them."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await asyncio.gather(desk.note(1), desk.note(2))
        except Exception:  # noqa: BLE001 - the story is about what follows
            return await desk.look(n)
        return 0

    run = begin(flow).refuse("task.1/note.1")
    assert run.abandoned == []
    run.reply("look.1", 4)
    assert run.abandoned == ["task.2/note.1"]

    assert run.reply("task.2/note.1").result == 4


def test_timeout_around_a_gather_abandons_all_its_calls(begin: Begin) -> None:
    """A timeout around a gather abandons every call of it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(desk.note(1), desk.note(2), desk.look(3))

    run = begin(flow).reply("task.1/note.1").fire()
    assert run.abandoned == ["task.2/note.1", "task.3/look.1"]

    assert run.reply("task.2/note.1").failure == "TimeoutError: "


def test_nested_timeouts_strike_by_their_own_time(begin: Begin) -> None:
    """The inner of two timeouts strikes first, and the outer one goes on to hold for what follows."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        found = 0
        try:
            async with asyncio.timeout(10):
                try:
                    async with asyncio.timeout(5):
                        await desk.look(n)
                except TimeoutError:
                    found += 1
                await desk.look(n)
        except TimeoutError:
            found += 10
        return found

    assert begin(flow).fire().fire().result == 11


def test_task_group_with_failing_child_cancels_its_siblings(begin: Begin) -> None:
    """A failing child of nested TaskGroups ends the siblings of its own group and of those around it."""

    async def inner(desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(desk.look(1))
            group.create_task(desk.note(2))

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner(desk))
            group.create_task(desk.note(n))

    run = begin(flow).refuse("task.1/task.1/look.1")
    assert run.abandoned == ["task.1/task.2/note.1", "task.2/note.1"]

    assert run.reply("task.2/note.1").reply("task.1/task.2/note.1").failure.startswith("ExceptionGroup")


def test_run_cancelled_while_it_receives_takes_no_message(begin: Begin) -> None:
    """A receive that is cancelled takes nothing: the message that comes later goes to the next receive."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        with suppress(asyncio.CancelledError):
            await receive(Ping)
        return (await receive(Ping)).n + n

    assert begin(flow).cancel().send(Ping(7)).result == 7
