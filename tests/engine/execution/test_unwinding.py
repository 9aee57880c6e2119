"""Unwinding belongs to the core: cancellation and enclosing timeouts do not reach it and are delivered afterwards."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


async def reserve_and_fail(desk: Desk) -> None:
    """Reserve under a saga, and fail."""
    async with saga():
        await desk.reserve(1)
        message = "on purpose"
        raise ValueError(message)


@workflow
async def failing(n: int, *, desk: Desk) -> None:
    """Reserve and fail, and look at something if a cancellation does not prevent it."""
    try:
        await reserve_and_fail(desk)
    except ValueError:
        await desk.look(n)


def test_enclosing_timeout_waits_for_the_undo(begin: Begin) -> None:
    """A timeout around a saga passes while the undo runs: it is delivered once the undo is over."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5):
                await reserve_and_fail(desk)
        except TimeoutError:
            return await desk.look(n)
        return 0

    run = begin(flow).reply("reserve.1").fire()
    assert run.calls == ["reserve.1~undo"]

    run.reply("reserve.1~undo")
    assert run.calls == ["look.1"]
    assert run.reply("look.1", 7).result == 7


def test_enclosing_wait_for_waits_for_the_undo(begin: Begin) -> None:
    """A wait_for around a saga does not leave while the undo still runs, on any Python."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await asyncio.wait_for(reserve_and_fail(desk), 5)
        except TimeoutError:
            return await desk.look(n)
        except ValueError:
            return -1
        return 0

    run = begin(flow).reply("reserve.1").fire()
    assert run.calls == ["reserve.1~undo"]
    run.reply("reserve.1~undo")

    assert run.calls == ["look.1"] or run.result == -1


def test_cancel_during_unwinding_is_delivered_afterwards_once(begin: Begin) -> None:
    """Cancellations that come while a saga unwinds are delivered when it is over, as one CancelledError."""
    seen: list[str] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            await reserve_and_fail(desk)
        except asyncio.CancelledError:
            seen.append("cancelled")
        return await desk.look(n)

    run = begin(flow).reply("reserve.1").cancel().cancel("again").reply("reserve.1~undo")
    assert run.calls == ["look.1"]

    assert run.reply("look.1", 3).result == 3
    assert seen == ["cancelled"]


def test_cancelled_run_is_undone_and_ends_cancelled(begin: Begin) -> None:
    """Cancelling a run undoes its sagas first; then the run ends as cancelled."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            await desk.note(n)

    run = begin(flow).reply("reserve.1").cancel()
    assert run.calls == ["note.1"]
    run.reply("note.1")
    assert run.calls == ["reserve.1~undo"]

    assert run.reply("reserve.1~undo").status is RunStatus.CANCELLED


def test_cancel_during_unwinding_ends_the_run_cancelled(begin: Begin) -> None:
    """A cancellation that nobody catches after the unwinding ends the run as cancelled, with nothing left undone."""
    run = begin(failing).reply("reserve.1").cancel().reply("reserve.1~undo")

    assert (run.status, run.undos, run.calls) == (RunStatus.CANCELLED, ["reserve.1"], [])


def test_cancel_while_a_saga_waits_at_its_normal_exit_unwinds_it(begin: Begin) -> None:
    """A cancellation that strikes while a saga waits for its last calls is an exit by exception: it is undone."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            task = asyncio.create_task(desk.reserve(n))
            await asyncio.sleep(0)
        await task

    run = begin(flow).cancel().reply("task.1/reserve.1").reply("task.1/reserve.1~undo")

    assert (run.status, run.undos) == (RunStatus.CANCELLED, ["task.1/reserve.1"])


def test_shielded_saga_goes_on_and_the_run_waits_for_it(begin: Begin) -> None:
    """A timeout that leaves a shielded saga behind does not end the run before the saga's undos are over."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        task = asyncio.create_task(reserve_and_fail(desk))
        try:
            async with asyncio.timeout(5):
                await asyncio.shield(task)
        except TimeoutError:
            return n
        return -1

    run = begin(flow).reply("task.1/reserve.1").fire()
    assert (run.calls, run.status) == (["task.1/reserve.1~undo"], None)

    assert run.reply("task.1/reserve.1~undo").result == 0


def test_task_group_waits_for_the_undo_of_its_sibling(begin: Begin) -> None:
    """A TaskGroup with a failing child waits until the sibling that it cancelled has unwound its saga."""

    async def careful(desk: Desk) -> None:
        async with saga():
            await desk.reserve(1)
            await desk.note(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(careful(desk))
            group.create_task(desk.look(n))

    run = begin(flow).reply("task.1/reserve.1").refuse("task.2/look.1").reply("task.1/note.1")
    assert (run.calls, run.status) == (["task.1/reserve.1~undo"], None)

    assert run.reply("task.1/reserve.1~undo").failure.startswith("ExceptionGroup")


def test_saga_around_a_task_group_undoes_what_the_siblings_did(begin: Begin) -> None:
    """A saga around a TaskGroup undoes the calls of all its children once all have come to rest."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga(), asyncio.TaskGroup() as group:
            group.create_task(desk.reserve(1))
            group.create_task(desk.charge(2))
            group.create_task(desk.note(n))

    run = begin(flow).reply("task.1/reserve.1").refuse("task.3/note.1")
    assert run.calls == ["task.2/charge.1"]
    run.unknown("task.2/charge.1")

    assert run.calls == ["task.1/reserve.1~undo", "task.2/charge.1~undo"]
    run.reply("task.2/charge.1~undo").reply("task.1/reserve.1~undo")
    assert run.status is RunStatus.FAILED


def test_timeout_and_cancel_during_unwinding_end_in_a_cancellation(begin: Begin) -> None:
    """A timeout and a cancellation that both come while a saga unwinds end as a cancellation, as in asyncio."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5):
                await reserve_and_fail(desk)
        except TimeoutError:
            return n
        return -1

    run = begin(flow).reply("reserve.1").fire().cancel().reply("reserve.1~undo")

    assert run.status is RunStatus.CANCELLED


def test_leftover_tasks_are_cancelled_and_drained_before_the_end(begin: Begin) -> None:
    """Tasks left over when the workflow returns are cancelled; the end waits for their sagas."""

    async def careful(desk: Desk) -> None:
        async with saga():
            await desk.reserve(1)
            await asyncio.sleep(3600)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        task = asyncio.create_task(careful(desk))
        await desk.look(n)
        return int(task.done())

    run = begin(flow).reply("task.1/reserve.1").reply("look.1")
    assert (run.calls, run.timers, run.status) == (["task.1/reserve.1~undo"], {}, None)

    assert run.reply("task.1/reserve.1~undo").result == 0


def test_leftover_task_cannot_call_any_more(begin: Begin) -> None:
    """A task that ignores its cancellation at the end of the run is refused its calls, and the run ends."""

    async def stubborn(desk: Desk) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await desk.charge(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        _task = asyncio.create_task(stubborn(desk))
        return await desk.look(n)

    run = begin(flow).reply("look.1", 4)

    assert (run.result, run.issued) == (4, ["look.1"])


def test_leftover_effect_is_awaited_before_the_end(begin: Begin) -> None:
    """An effect that nobody waits for any more still has its outcome recorded before the run's end."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        _task = asyncio.create_task(desk.note(n))
        return await desk.look(n)

    run = begin(flow).reply("look.1", 4)
    assert (run.status, run.calls) == (None, ["task.1/note.1"])

    assert run.reply("task.1/note.1").result == 4


def test_cancel_reaches_the_tasks_left_over(begin: Begin) -> None:
    """A task that ignored its cancellation at the end of the run can be cancelled again by cancelling the run."""

    async def stubborn() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        _task = asyncio.create_task(stubborn())
        return await desk.look(n)

    run = begin(flow).reply("look.1", 4)
    assert (run.status, len(run.timers)) == (None, 1)

    assert run.cancel().result == 4
    assert run.timers == {}
