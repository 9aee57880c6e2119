"""Reads that a run stops waiting for: nothing of them keeps it awake, and nothing of them is left."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, Step, not_done
from weft.errors import RunTerminated
from weft.model.run import RunStatus
from weft.model.workflow import workflow

DAY = timedelta(days=1)


@workflow
async def look_and_sleep(key: str, *, depot: Depot) -> str:
    """Look for three seconds, and sleep for a month."""
    try:
        async with asyncio.timeout(3):
            await depot.look(key)
    except TimeoutError:
        await asyncio.sleep(30 * DAY.total_seconds())
    return "awake"


@workflow
async def look_and_end(key: str, *, depot: Depot) -> str:
    """Look for three seconds, and end."""
    try:
        async with asyncio.timeout(3):
            await depot.look(key)
    except TimeoutError:
        return "tired"
    return "seen"


async def asleep(mill: Mill, step: Step) -> None:
    """Bring a run to where it sleeps and has left memory."""
    mill.script.on("look", always=step)
    await mill.host.start(look_and_sleep, "x", id="1")
    await mill.spend(HOUR)
    mill.engine._work.shelf.put_back_idle()
    await mill.settle()


@pytest.mark.parametrize("step", [Gate(), not_done])
async def test_a_run_that_gave_up_a_read_wakes_after_it_left_memory(tmp_path: Path, step: Step) -> None:
    """What the store says about a run is true when it leaves memory: its timer wakes it, however far away."""
    async with Mill(tmp_path, look_and_sleep) as mill:
        await asleep(mill, step)
        loaded = len(mill.engine._work.shelf)
        status = await mill.status(look_and_sleep, "1")

        await mill.spend(31 * DAY)

        assert (loaded, status) == (0, RunStatus.WAITING)
        assert await mill.host.find(look_and_sleep, "1").result() == "awake"


async def test_a_run_whose_standing_is_not_on_disk_stays_in_memory(tmp_path: Path) -> None:
    """A run leaves memory only once the store says where it stands."""
    async with Mill(tmp_path, look_and_sleep) as mill:
        mill.script.on("look", always=Gate())
        await mill.host.start(look_and_sleep, "x", id="1")
        await mill.spend(MINUTE)
        shelf = mill.engine._work.shelf
        (live,) = shelf.all()
        live.saved = (RunStatus.RUNNING, 0, "")

        shelf.put_back_idle()
        before = len(shelf)
        await mill.settle()
        shelf.put_back_idle()

        assert (before, len(shelf)) == (1, 0)
        assert await mill.status(look_and_sleep, "1") is RunStatus.WAITING


async def test_a_read_that_was_given_up_leaves_no_attempts(tmp_path: Path) -> None:
    """The failures of a read are forgotten with it, and its line says what became of it."""
    async with Mill(tmp_path, look_and_sleep, look_and_end) as mill:
        await asleep(mill, not_done)
        await mill.host.start(look_and_end, "x", id="2")
        await mill.spend(HOUR)
        store, story = mill.engine._open_store(), await mill.story(look_and_sleep, "1")

        lines = {row.path: row.outcome for row in story.rows if row.kind == "call"}
        assert lines == {"depot.look.1": "given up"}
        assert story.waiting_for.startswith("It sleeps until")
        assert (store.attempts(1), store.attempts(2)) == ({}, {})


async def test_a_run_that_is_terminated_leaves_no_attempts(tmp_path: Path) -> None:
    """Whatever ends a run, nothing is kept of what its calls were waiting for."""
    async with Mill(tmp_path, look_and_end) as mill:
        mill.script.on("look", always=not_done)
        run = await mill.host.start(look_and_end, "x", id="1")
        await mill.spend(2 * SECOND)
        before = mill.engine._open_store().attempts(1)

        await mill.engine.terminate("look_and_end", "1", who="ada", why="enough")

        with pytest.raises(RunTerminated):
            await run.result()
        assert len(before) == 1
        assert mill.engine._open_store().attempts(1) == {}
