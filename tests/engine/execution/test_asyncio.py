"""The standard library's asyncio on a run's loop: unchanged, and durable."""

from __future__ import annotations

import asyncio

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.model.run import RunStatus
from weft.model.workflow import workflow


def test_wait_for_the_first_leaves_the_others_pending(begin: Begin) -> None:
    """asyncio.wait returns at the first reply; the pending calls go on and can be awaited later."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        tasks = [asyncio.create_task(desk.look(i)) for i in range(3)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(pending)) == (1, 2)
        return [task.result() for task in done] + await asyncio.gather(*(each for each in tasks if each in pending))

    run = begin(flow).reply("task.2/look.1", 2).reply("task.3/look.1", 3).reply("task.1/look.1", 1)

    assert run.result == [2, 1, 3]


def test_wait_with_a_timeout_cancels_nothing(begin: Begin) -> None:
    """asyncio.wait that times out leaves its tasks alone."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        task = asyncio.create_task(desk.look(n))
        done, pending = await asyncio.wait([task], timeout=5)
        return [len(done), len(pending), await task]

    run = begin(flow).fire()
    assert run.abandoned == []

    assert run.reply("task.1/look.1", 9).result == [0, 1, 9]


def test_queue_between_producer_and_consumers(begin: Begin) -> None:
    """A queue hands work to consumers in order and tells when all of it is done."""

    async def consume(queue: asyncio.Queue[int], desk: Desk, found: list[int]) -> None:
        while True:
            found.append(await desk.look(await queue.get()))
            queue.task_done()

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        queue, found = asyncio.Queue[int](maxsize=2), list[int]()
        workers = [asyncio.create_task(consume(queue, desk, found)) for _ in range(2)]
        for i in range(4):
            await queue.put(i)
        await queue.join()
        for worker in workers:
            worker.cancel()
        return found

    run = begin(flow)
    for path, value in [("task.1/look.1", 0), ("task.2/look.1", 1), ("task.2/look.2", 3), ("task.1/look.2", 2)]:
        run.reply(path, value)

    assert run.result == [0, 1, 3, 2]


def test_semaphore_bounds_calls_under_way(begin: Begin) -> None:
    """A semaphore bounds how many calls are under way, and lets the next one in as each ends."""

    async def limited(gate: asyncio.Semaphore, desk: Desk, i: int) -> int:
        async with gate:
            return await desk.look(i)

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        gate = asyncio.Semaphore(2)
        return await asyncio.gather(*(limited(gate, desk, i) for i in range(3)))

    run = begin(flow)
    assert run.calls == ["task.1/look.1", "task.2/look.1"]
    run.reply("task.2/look.1", 1)
    assert run.calls == ["task.1/look.1", "task.3/look.1"]

    assert run.reply("task.3/look.1", 2).reply("task.1/look.1", 0).result == [0, 1, 2]


def test_lock_is_passed_on_in_order(begin: Begin) -> None:
    """A lock goes to those who wait in the order in which they came, also past one that was cancelled."""

    async def locked(lock: asyncio.Lock, desk: Desk, *, found: list[int], i: int) -> None:
        async with lock:
            found.append(await desk.look(i))

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        lock, found = asyncio.Lock(), list[int]()
        tasks = [asyncio.create_task(locked(lock, desk, found=found, i=i)) for i in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        return found

    run = begin(flow)
    assert run.calls == ["task.1/look.1"]

    assert run.reply("task.1/look.1", 0).reply("task.3/look.1", 2).result == [0, 2]


def test_event_and_condition_wake_who_waits(begin: Begin) -> None:
    """An event wakes all who wait, a condition as many as it is told to."""

    async def waiter(event: asyncio.Event, condition: asyncio.Condition, *, found: list[int], i: int) -> None:
        await event.wait()
        async with condition:
            await condition.wait()
            found.append(i)

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        event, condition, found = asyncio.Event(), asyncio.Condition(), list[int]()
        tasks = [asyncio.create_task(waiter(event, condition, found=found, i=i)) for i in range(3)]
        await desk.look(n)
        event.set()
        await desk.look(n)
        async with condition:
            condition.notify(2)
        await asyncio.wait(tasks[:2])
        return found

    assert begin(flow).reply("look.1").reply("look.2").result == [0, 1]


def test_barrier_lets_all_through_together(begin: Begin) -> None:
    """A barrier lets its parties through once all are there."""

    async def party(barrier: asyncio.Barrier, desk: Desk) -> int:
        await desk.look(1)
        return await barrier.wait()

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        barrier = asyncio.Barrier(2)
        return sorted(await asyncio.gather(party(barrier, desk), party(barrier, desk)))

    assert begin(flow).reply("task.2/look.1").reply("task.1/look.1").result == [0, 1]


def test_shield_keeps_a_call_out_of_reach(begin: Begin) -> None:
    """A shielded call is not abandoned when the wait for it is cancelled."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        call = asyncio.create_task(desk.note(n))
        try:
            async with asyncio.timeout(5):
                return await asyncio.shield(call)
        except TimeoutError:
            return await call + 100

    run = begin(flow).fire()
    assert run.abandoned == []

    assert run.reply("task.1/note.1", 1).result == 101


def test_exception_group_of_two_failing_children(begin: Begin) -> None:
    """Children of a TaskGroup that fail in one step are told together, and can be caught by kind."""

    async def fail(error: Exception) -> None:
        raise error

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(ValueError()))
                group.create_task(fail(KeyError()))
        except* ValueError:
            n += 1
        except* KeyError:
            n += 10
        return n

    assert begin(flow).result == 11


def test_gather_collects_exceptions_when_asked(begin: Begin) -> None:
    """A gather with return_exceptions returns refusals beside results, in order."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[str]:
        found = await asyncio.gather(desk.look(1), desk.look(2), return_exceptions=True)
        return [type(each).__name__ for each in found]

    assert begin(flow).refuse("task.1/look.1").reply("task.2/look.1").result == ["Taken", "int"]


def test_loop_is_the_running_one_in_every_task(begin: Begin) -> None:
    """Every task of a run sees the run's loop as the running one."""

    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @workflow
    async def flow(n: int, *, desk: Desk) -> bool:
        loop = asyncio.get_running_loop()
        await desk.look(n)
        return await asyncio.create_task(which()) is loop

    assert begin(flow).reply("look.1").result is True


def test_asyncio_run_inside_a_run_is_an_error(begin: Begin) -> None:
    """Another loop cannot be started inside a run."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        coro = desk.look(n)
        try:
            asyncio.run(coro)
        finally:
            coro.close()

    assert begin(flow).status is RunStatus.FAILED
