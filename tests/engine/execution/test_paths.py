"""Structural ids: what a call, a timer or a task is called follows from where it stands in the code."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.engine.execution.paths import call_id
from weft.model.workflow import workflow


async def look_twice(desk: Desk) -> None:
    """Look at something twice."""
    await desk.look(1)
    await desk.look(2)


def test_calls_are_counted_by_operation(begin: Begin) -> None:
    """A call is named by its operation and how often that was called in its task; other operations do not count."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)
        await desk.note(n)
        await asyncio.sleep(1)
        await desk.look(n)

    run = begin(flow).reply("look.1").reply("note.1").fire().reply("look.2")

    assert run.issued == ["look.1", "note.1", "look.2"]


def test_tasks_are_named_by_who_makes_them(begin: Begin) -> None:
    """A task is named by the task that makes it and a counter; nesting shows in the path."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(look_twice(desk))
            await asyncio.gather(desk.note(n), asyncio.create_task(look_twice(desk)))

    run = begin(flow)

    assert run.calls == ["task.1/look.1", "task.2/look.1", "task.3/note.1"]


@pytest.mark.parametrize("order", [["task.1/look.1", "task.2/look.1"], ["task.2/look.1", "task.1/look.1"]])
def test_interleavings_do_not_shift_ids(begin: Begin, order: list[str]) -> None:
    """Whichever reply comes first, each task's next call has the same id."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.gather(look_twice(desk), look_twice(desk))

    run = begin(flow).reply(order[0])
    assert order[0].replace("look.1", "look.2") in run.calls
    run.reply(order[1])

    assert run.calls == ["task.1/look.2", "task.2/look.2"]


def test_wait_for_shares_the_path_of_its_parent(begin: Begin) -> None:
    """A wait_for adds nothing to the path, although it makes a task on one Python and none on another."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)
        await asyncio.wait_for(look_twice(desk), 5)
        await asyncio.wait_for(desk.look(n), None)

    run = begin(flow).reply("look.1").reply("look.2").reply("look.3").reply("look.4")

    assert run.issued == ["look.1", "look.2", "look.3", "look.4"]


def test_gather_inside_wait_for_has_paths_of_its_own(begin: Begin) -> None:
    """Tasks made by code that a wait_for awaits are children, although that wait_for stands on the stack."""

    async def both(desk: Desk) -> None:
        await asyncio.gather(desk.look(1), desk.look(2))
        await asyncio.ensure_future(desk.look(3))

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.wait_for(both(desk), 5)

    run = begin(flow)
    assert run.calls == ["task.1/look.1", "task.2/look.1"]
    run.reply("task.1/look.1").reply("task.2/look.1")

    assert run.calls == ["task.3/look.1"]


def test_wait_for_without_time_shares_the_path_too(begin: Begin) -> None:
    """A wait_for whose time has passed makes a task on every Python and shares the path all the same."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            await asyncio.wait_for(desk.look(n), 0)
        except TimeoutError:
            await asyncio.create_task(desk.look(n))

    run = begin(flow)

    assert run.calls == ["task.1/look.1"]


def test_call_cancelled_in_its_own_step_still_counts(begin: Begin) -> None:
    """A call that never was keeps its number: ids do not depend on what was cancelled when."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            async with asyncio.timeout(0):
                await desk.look(n)
        except TimeoutError:
            await desk.look(n)

    assert begin(flow).calls == ["look.2"]


def test_names_given_to_tasks_are_kept_and_do_not_name_ids(begin: Begin) -> None:
    """A name that the workflow gives to a task is what it reads back, on every Python; the path ignores it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[str]:
        named = asyncio.create_task(desk.look(n), name="mine")
        async with asyncio.TaskGroup() as group:
            other = group.create_task(desk.look(n), name="other")
        await named
        return [named.get_name(), other.get_name()]

    run = begin(flow).reply("task.1/look.1").reply("task.2/look.1")

    assert run.result == ["mine", "other"]


def test_task_factory_is_refused(begin: Begin) -> None:
    """A task factory of the workflow's own is refused."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        asyncio.get_running_loop().set_task_factory(lambda _, coro, **__: asyncio.Task(coro))

    assert "set_task_factory is not available inside a workflow" in begin(flow).failure


def test_task_that_the_loop_did_not_make_is_refused(begin: Begin) -> None:
    """A task made by hand, past the loop, is refused at its first durable act."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.Task(desk.look(n))

    assert "a task that the run's loop did not make" in begin(flow).failure


def test_eager_task_is_refused(begin: Begin) -> None:
    """An eager task is refused: its first step would run before its maker's next one."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        asyncio.get_running_loop().create_task(desk.look(n), eager_start=True)  # type: ignore[call-arg]

    assert "an eager task" in begin(flow).failure


def test_as_completed_over_bare_coroutines_is_refused(begin: Begin) -> None:
    """as_completed over bare coroutines is refused: it makes a set of them, whose order is not stable."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        for each in asyncio.as_completed([desk.look(n)]):
            await each

    assert "as_completed over bare coroutines is not available" in begin(flow).failure


def test_as_completed_over_tasks_yields_in_order_of_replies(begin: Begin) -> None:
    """as_completed over tasks works, and yields in the order in which replies came."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        tasks = [asyncio.create_task(desk.look(i)) for i in range(3)]
        return [await each for each in asyncio.as_completed(tasks)]

    run = begin(flow).reply("task.3/look.1", 3).reply("task.1/look.1", 1).reply("task.2/look.1", 2)

    assert run.result == [3, 1, 2]


def test_call_id_names_chain_generation_epoch_and_path() -> None:
    """A service knows a call by chain, generation, epoch and path."""
    assert call_id("c", generation=2, epoch=1, path="task.1/desk.look.1") == "c/2/1/task.1/desk.look.1"
