"""What a run may depend on: its seed, its path, its own context; and sets that iterate alike."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.flow.chance import random, uuid4
from weft.flow.state import State
from weft.model.workflow import workflow

ambient: ContextVar[str] = ContextVar("ambient", default="nothing")
shown = State("shown", 0)


async def ids(desk: Desk) -> list[str]:
    """Return an id before and one after a call."""
    before = str(uuid4())
    await desk.look(1)
    return [before, str(uuid4())]


@workflow
async def many_ids(n: int, *, desk: Desk) -> list[str]:
    """Return ids of two tasks."""
    found = await asyncio.gather(ids(desk), ids(desk))
    return [*found[0], *found[1], str(random())]


def test_chance_does_not_depend_on_interleaving(begin: Begin) -> None:
    """uuid4 and random are the same whichever of two tasks is answered first, and differ from one another."""
    run = begin(many_ids).reply("task.1/look.1").reply("task.2/look.1")
    other = begin(many_ids).reply("task.2/look.1").reply("task.1/look.1")

    assert run.result == other.result
    assert len(set(run.result)) == 5


def test_chance_differs_by_seed_and_epoch(begin: Begin) -> None:
    """Another seed, or another epoch, gives other ids."""
    runs = [begin(many_ids), begin(many_ids, seed=b"another 16 bytes"), begin(many_ids, epoch=1)]

    results = [run.reply("task.1/look.1").reply("task.2/look.1").result for run in runs]

    assert len({each for result in results for each in result}) == 15


def test_uuid4_is_a_uuid_of_version_4(begin: Begin) -> None:
    """uuid4 returns a version 4 UUID, and random a number in [0, 1)."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> bool:
        return uuid4().version == 4 and all(0 <= random() < 1 for _ in range(100))

    assert begin(flow).result


def test_run_starts_in_an_empty_context(begin: Begin) -> None:
    """A context variable of whoever steps the run is not seen inside it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[str]:
        first = ambient.get()
        await desk.look(n)
        return [first, ambient.get()]

    token = ambient.set("the engine's")
    run = begin(flow).reply("look.1")
    ambient.reset(token)

    assert run.result == ["nothing", "nothing"]


def test_context_variables_follow_tasks(begin: Begin) -> None:
    """Context variables set inside a run are inherited by its tasks, as in asyncio."""

    async def read(desk: Desk) -> str:
        await desk.look(1)
        return ambient.get()

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[str]:
        ambient.set("one")
        first = asyncio.create_task(read(desk))
        ambient.set("two")
        return [await first, ambient.get()]

    run = begin(flow).reply("task.1/look.1")

    assert run.result == ["one", "two"]
    assert ambient.get() == "nothing"


def test_sets_of_tasks_iterate_alike(begin: Begin) -> None:
    """A set of tasks iterates in the same order in every replay of a run."""

    async def one(number: int, found: list[int]) -> None:
        found.append(number)

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        tasks = {asyncio.create_task(one(i, [])): i for i in range(40)}
        done, _ = await asyncio.wait(set(tasks))
        return [tasks[task] for task in done]

    results = [begin(flow).result for _ in range(3)]

    assert results[0] == results[1] == results[2]
    assert sorted(results[0]) == list(range(40))


def test_sets_of_tasks_differ_between_runs(begin: Begin) -> None:
    """The order in a set depends on the run, so that nobody comes to rely on one."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[int]:
        futures = [asyncio.get_running_loop().create_future() for _ in range(40)]
        return [futures.index(each) for each in set(futures)]

    assert begin(flow, run_id="a").result != begin(flow, run_id="b").result


def test_last_state_of_a_step_is_shown(begin: Begin) -> None:
    """Of several values that are shown in one step under one name, the last one leaves the run."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        shown.set(1)
        shown.set(2)
        await desk.look(n)
        shown.set(3)

    run = begin(flow)
    assert run.shown == {"shown": b"2"}

    assert run.reply("look.1").shown == {"shown": b"3"}
