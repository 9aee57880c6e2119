"""Runs that end before they begin: in an export, a replay, a check, and for the schedule that started them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.bakery import SYSTEM, Finish, Pages, bake, bakery, start
from tests.engine.embedded.night import HOUR, MIDNIGHT, MINUTE, Enough, runs_of
from weft.engine.embedded.export import exported
from weft.engine.embedded.inspection import inspect
from weft.flow.messages import receive
from weft.host.rehearsal import rehearser_of
from weft.model.run import RunStatus
from weft.model.schedule import Overlap, Schedule
from weft.model.system import System
from weft.model.timing import every, to_ms
from weft.model.workflow import workflow
from weft.testing import replay
from weft.testing.world import World

ENDS = ["cancel", "terminate"]


async def end(world: World, flow: str, run_id: str, *, how: str) -> None:
    """End a run from outside."""
    engine = world.host.engine
    if how == "cancel":
        await engine.cancel(flow, run_id, "late", who="ada")
    else:
        await engine.terminate(flow, run_id, who="ada", why="late")
    await world.settle()


def history(world: World, folder: Path, *run_ids: str) -> Path:
    """Export runs to a file."""
    store = world.host.engine._open_store()
    rows = [store.find("bake", run_id) for run_id in run_ids]
    lines = [line + b"\n" for row in rows if row for line in exported(store, row, attributes={})]
    file = folder / "history.jsonl"
    file.write_bytes(b"".join(lines))
    return file


@pytest.mark.parametrize("how", ENDS)
async def test_who_never_began_is_replayed(tmp_path: Path, how: str) -> None:
    """A run that ended while it waited for its turn or its time is exported and replayed: no line of it ran."""
    async with bakery(Pages(), tmp_path) as world:
        await start(world, bake, "a1", "a2", "a3")
        await world.start(bake, "late", id="late", after=HOUR)
        await world.find(bake, "a3").send(Finish())
        await world.settle()
        for run_id in ("a3", "late"):
            await end(world, "bake", run_id, how=how)
        found = list(inspect(world.host.engine._open_store(), rehearser_of(SYSTEM), told=lambda _done, _all: None))
        file = history(world, tmp_path, "a3", "late")

    done = replay(SYSTEM, file)

    assert found == []
    assert [(each.entries, each.untold, each.drifted) for each in done] == [(0, 0, 0)] * 2


async def test_who_waits_is_replayed(tmp_path: Path) -> None:
    """A run that waits for its turn is checked and replayed: everything that it is to be told is still to be told."""
    async with bakery(Pages(), tmp_path) as world:
        await start(world, bake, "a1", "a2", "a3")
        await world.find(bake, "a3").send(Finish())
        await world.settle()
        found = list(inspect(world.host.engine._open_store(), rehearser_of(SYSTEM), told=lambda _done, _all: None))
        file = history(world, tmp_path, "a3")

    assert found == []
    assert [(each.entries, each.untold) for each in replay(SYSTEM, file)] == [(0, 2)]


async def test_who_was_terminated_is_replayed_as_far_as_it_came(tmp_path: Path) -> None:
    """An end that an operator made is none of the code, which goes along with all that came before."""
    async with bakery(Pages(), tmp_path) as world:
        await start(world, bake, "a1")
        await world.settle()
        await end(world, "bake", "a1", how="terminate")
        file = history(world, tmp_path, "a1")

    assert [(each.entries, each.untold) for each in replay(SYSTEM, file)] == [(2, 0)]


@workflow(at_once=1)
async def guard(name: str) -> str:
    """Stand guard until somebody says that it is enough; there is one gate."""
    await receive(Enough)
    return name


@pytest.mark.parametrize("how", ENDS)
async def test_the_next_time_of_a_schedule_starts_when_one_ends_that_never_began(how: str) -> None:
    """A time that waits for a run of its schedule starts at once when that run ends while it waits for its turn."""
    hourly = Schedule("hourly", guard, every(HOUR), input="x", overlap=Overlap.BUFFER_ALL)
    world = World(System("gate", workflows=[guard], schedules=[hourly]))
    world.clock.move_to(to_ms(MIDNIGHT))
    async with world:
        await world.start(guard, "by hand", id="first")
        await world.advance(2 * HOUR + MINUTE)
        before = await world.schedules.describe("hourly")

        await end(world, "guard", "hourly@2026-01-01T01:00:00Z", how=how)
        after = await world.schedules.describe("hourly")
        stands = await runs_of(world)

    assert (before.running, [each.hour for each in before.waiting]) == (("hourly@2026-01-01T01:00:00Z",), [2])
    assert (after.running, after.waiting) == (("hourly@2026-01-01T02:00:00Z",), ())
    assert stands["hourly@2026-01-01T02:00:00Z"] is RunStatus.WAITING
