"""Sagas inside sagas, beside sagas and in generators: whose undos are whose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.errors import CallFailed
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


async def reserve_then_charge(desk: Desk) -> None:
    """Reserve, then charge."""
    await desk.reserve(1)
    await desk.charge(1)


def test_inner_saga_hands_its_undos_over(begin: Begin) -> None:
    """What an inner saga did is undone by the outer one if that fails later."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                await desk.reserve(n)
            await desk.note(n)

    run = begin(flow).reply("reserve.1").refuse("note.1")

    assert run.calls == ["reserve.1~undo"]
    assert run.reply("reserve.1~undo").status is RunStatus.FAILED


def test_failed_inner_saga_finishes_before_it_raises(begin: Begin) -> None:
    """The undos of a failed inner saga are over before the code around it goes on, and are not repeated."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.charge(n)
            try:
                async with saga():
                    await desk.reserve(n)
                    await desk.note(n)
            except CallFailed:
                await desk.look(n)
            raise ValueError(n)

    run = begin(flow).reply("charge.1").reply("reserve.1").not_done("note.1")
    assert run.calls == ["reserve.1~undo"]
    run.reply("reserve.1~undo")
    assert run.calls == ["look.1"]
    run.reply("look.1").reply("charge.1~undo")

    assert run.undos == ["reserve.1", "charge.1"]


def test_outer_undo_waits_for_the_inner_unwinding_of_a_branch(begin: Begin) -> None:
    """When an outer saga fails, a branch that was cancelled finishes the undos of its own saga first."""

    async def branch(desk: Desk) -> None:
        async with saga():
            await desk.charge(1)
            await asyncio.sleep(60)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            await asyncio.gather(branch(desk), desk.note(n))

    run = begin(flow).reply("reserve.1").reply("task.1/charge.1").refuse("task.2/note.1")
    assert run.calls == ["task.1/charge.1~undo"]
    run.reply("task.1/charge.1~undo")

    assert run.calls == ["reserve.1~undo"]
    assert run.reply("reserve.1~undo").status is RunStatus.FAILED


def test_parallel_sagas_unwind_apart(begin: Begin) -> None:
    """A saga in one branch that fails leaves the saga of another branch alone."""

    async def one(desk: Desk, n: int) -> None:
        async with saga():
            await desk.reserve(n)
            await desk.note(n)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        outcomes = await asyncio.gather(one(desk, 1), one(desk, 2), return_exceptions=True)
        return sum(outcome is None for outcome in outcomes)

    run = begin(flow).reply("task.1/reserve.1").reply("task.2/reserve.1").refuse("task.1/note.1")
    assert run.calls == ["task.1/reserve.1~undo", "task.2/note.1"]
    run.reply("task.2/note.1").reply("task.1/reserve.1~undo")

    assert (run.result, run.undos) == (1, ["task.1/reserve.1"])


def test_task_of_a_merged_saga_is_undone_by_the_outer_one(begin: Begin) -> None:
    """A task that outlives its saga belongs to the saga around it: its later calls are undone there."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                task = asyncio.create_task(reserve_then_charge(desk))
                await asyncio.sleep(0)
            await task
            raise ValueError(n)

    run = begin(flow).reply("task.1/reserve.1").reply("task.1/charge.1")
    run.reply("task.1/charge.1~undo").reply("task.1/reserve.1~undo")

    assert run.undos == ["task.1/charge.1", "task.1/reserve.1"]


def test_sagas_left_in_the_wrong_order_are_an_error(begin: Begin) -> None:
    """Two sagas that are left in the wrong order are an error with a sentence, not a silent mix of undos."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        first, second = saga(), saga()
        await first.__aenter__()
        await second.__aenter__()
        await first.__aexit__(None, None, None)
        await desk.note(n)

    run = begin(flow)

    assert "innermost first" in run.failure


def test_saga_that_outlives_the_one_around_it_is_undone_further_out(begin: Begin) -> None:
    """What a saga in a task did, when the saga around the task was left before, belongs to the next one out."""

    async def branch(desk: Desk) -> None:
        async with saga():
            await asyncio.sleep(5)
            await desk.reserve(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                task = asyncio.create_task(branch(desk))
                await asyncio.sleep(0)
            await task
            raise ValueError(n)

    run = begin(flow).fire().reply("task.1/reserve.1")

    assert run.calls == ["task.1/reserve.1~undo"]
    assert run.reply("task.1/reserve.1~undo").status is RunStatus.FAILED


async def reservations(desk: Desk) -> AsyncIterator[int]:
    """Yield reservations made under a saga."""
    async with saga():
        while True:
            yield await desk.reserve(1)


def test_generator_closed_half_way_hands_its_saga_over(begin: Begin) -> None:
    """A saga in a generator that is closed half way is not undone; what it did belongs to the saga around it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with aclosing(reservations(desk)) as found:
                async for each in found:
                    n += each
                    break
            await desk.charge(n)
            await desk.note(n)

    run = begin(flow).reply("reserve.1").reply("charge.1").refuse("note.1")
    assert run.calls == ["charge.1~undo"]
    run.reply("charge.1~undo").reply("reserve.1~undo")

    assert (run.failure, run.undos) == ("Taken: why='somebody was first'", ["charge.1", "reserve.1"])


def test_generator_dropped_half_way_leaves_no_saga_behind(begin: Begin) -> None:
    """After a generator with a saga was dropped, later calls and sagas of the task are undone as if it had not been."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async for _ in reservations(desk):
            break
        try:
            async with saga():
                await desk.charge(n)
                await desk.note(n)
        except CallFailed:
            return 1
        return 0

    run = begin(flow).reply("reserve.1").reply("charge.1").not_done("note.1").reply("charge.1~undo")

    assert (run.result, run.undos) == (1, ["charge.1"])
