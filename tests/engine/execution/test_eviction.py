"""Eviction: a run leaves memory without a trace, and none of its code has a say any more."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

from tests.engine.execution.desk import Desk, Ping
from tests.engine.execution.driver import Begin, Driver
from weft.engine.execution.eviction import RunEvicted
from weft.errors import OutsideRun
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.flow.state import State
from weft.model.workflow import Workflow, workflow

shown = State("shown", 0)


def evicted(flow: Workflow[int, object]) -> Driver:
    """Return a driver whose run was begun and evicted."""
    run = Driver(flow).start()
    assert run.evict() == [], "something is still suspended"
    return run


def test_saga_ignores_eviction() -> None:
    """A saga that is evicted undoes nothing: the run goes on from its journal."""
    seen: list[type[BaseException]] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            async with saga():
                await desk.reserve(n)
        except BaseException as error:
            seen.append(type(error))
            raise

    run = evicted(flow)

    assert (seen, run.execution.commands) == ([RunEvicted], {})


def test_finally_with_calls_issues_nothing() -> None:
    """A `finally` that calls, receives or shows something while it is evicted is told to leave, and nothing is sent."""
    seen: list[str] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            await desk.look(n)
        finally:
            for act in (lambda: desk.note(1), lambda: receive(Ping), lambda: asyncio.sleep(5)):
                try:
                    await act()
                except (RunEvicted, OutsideRun) as error:
                    seen.append(type(error).__name__)
            shown.set(5)

    run = evicted(flow)

    assert seen == ["RunEvicted"] * 3
    assert run.execution.commands == {}


def test_task_that_swallows_everything_is_closed() -> None:
    """A task that swallows every exception and awaits again is thrown at until it has ended."""
    count = 0

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        nonlocal count
        while count < 50:
            try:
                await asyncio.Event().wait()
            except BaseException:  # noqa: BLE001 - the story
                count += 1

    evicted(flow)

    assert count == 50


def test_saga_left_by_another_exception_while_evicted_does_not_unwind() -> None:
    """A saga that is left by an error raised in a `finally` of the eviction does not unwind, and lets it go on."""
    seen: list[type[BaseException]] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            async with saga():
                try:
                    await desk.reserve(n)
                finally:
                    raise ValueError(n)
        except BaseException as error:
            seen.append(type(error))
            raise

    run = evicted(flow)

    assert (seen, run.execution.commands) == ([RunEvicted], {})


def test_all_tasks_are_closed_in_order() -> None:
    """All tasks of a run are closed, in the order in which they were made."""
    order: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append(number)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.gather(*(wait(i) for i in range(5)))

    evicted(flow)

    assert order == [0, 1, 2, 3, 4]


async def pages(seen: list[str], desk: Desk) -> AsyncIterator[int]:
    """Yield numbers, and look at something when closed."""
    try:
        yield 1
        yield 2
    finally:
        seen.append("closing")
        await desk.look(1)
        seen.append("closed")


def test_generator_dropped_in_life_is_closed_by_the_run(begin: Begin) -> None:
    """A generator that a run leaves half way is closed by a task of the run, with awaits in its `finally`."""
    seen: list[str] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async for page in pages(seen, desk):
            n += page
            break
        await asyncio.sleep(1)
        return n

    run = begin(flow)
    assert run.calls == ["task.1/look.1"]
    run.reply("task.1/look.1")

    assert seen == ["closing", "closed"]
    assert run.fire().result == 1


def test_generators_are_closed_by_the_eviction() -> None:
    """Generators that are half way when the run is evicted, in use or in a cycle, are closed and issue nothing."""
    seen: list[str] = []

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        kept, cyclic = pages(seen, desk), pages(seen, desk)
        cycle: list[object] = [cyclic]
        cycle.append(cycle)
        await anext(kept)
        await anext(cyclic)
        async for _ in pages(seen, desk):
            await desk.note(n)

    run = evicted(flow)

    assert seen == ["closing"] * 3
    assert run.execution.commands == {}


def test_what_the_collector_finds_does_not_run_in_another_drain(begin: Begin) -> None:
    """Garbage of one run is never collected inside the step of another: its `finally` has no say there."""
    seen: list[str] = []

    async def litter(desk: Desk) -> None:
        trash: list[object] = [pages(seen, desk)]
        trash.append(trash)
        await anext(trash[0])  # type: ignore[call-overload]

    @workflow
    async def first(n: int, *, desk: Desk) -> None:
        await litter(desk)
        await receive(Ping)

    @workflow
    async def second(n: int, *, desk: Desk) -> None:
        _many = [[i] for i in range(200_000)]
        await desk.note(n)

    run, other = Driver(first).start(), begin(second)
    gc.collect()
    assert (other.issued, seen) == (["note.1"], [])

    assert run.evict() == []
    assert seen == ["closing"]


def test_no_collection_during_a_step(begin: Begin) -> None:
    """The collector rests while a run is stepped, and works again afterwards."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> bool:
        return gc.isenabled()

    assert begin(flow).result is False
    assert gc.isenabled()


def test_evicted_run_leaves_no_memory_behind() -> None:
    """Nothing keeps an evicted execution alive."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga(), asyncio.TaskGroup() as group:
            group.create_task(desk.reserve(n))
            group.create_task(asyncio.sleep(60))
            await receive(Ping)

    run = evicted(flow)
    memory = [weakref.ref(run.execution), weakref.ref(run.execution.loop)]
    del run
    gc.collect()

    assert [each() for each in memory] == [None, None]


def test_run_that_ended_leaves_no_memory_behind(begin: Begin) -> None:
    """Nothing keeps the execution of a run alive that has ended and was let go."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return await asyncio.create_task(desk.look(n))

    run = begin(flow).reply("task.1/look.1").again()
    memory = weakref.ref(run.execution)
    del run
    gc.collect()

    assert memory() is None


def test_eviction_within_a_running_loop_restores_it() -> None:
    """Stepping and evicting a run from a callback of another loop leaves that loop as it was."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.sleep(n + 1)

    found: list[object] = []

    def step() -> None:
        before = asyncio.get_running_loop()
        evicted(flow)
        found.extend([before is asyncio.get_running_loop(), asyncio.current_task()])

    loop = asyncio.new_event_loop()
    loop.call_soon(step)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    assert found == [True, None]


def test_task_made_while_evicted_is_refused() -> None:
    """Code that makes tasks while it is evicted is told to leave, and no coroutine is left unawaited."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        try:
            await desk.look(n)
        finally:
            await asyncio.create_task(desk.look(n))

    evicted(flow)
