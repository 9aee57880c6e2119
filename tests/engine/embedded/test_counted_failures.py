"""How many failures in a row were alike: counted over crashes as if there had been none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.mill import SECOND, Depot, Mill, admission, not_done
from weft.engine.execution.entries import TEXT_LIMIT
from weft.errors import NotDone
from weft.model.call import Call, Handler, Outcome
from weft.model.policy import FIRST_ATTENTION
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def put(key: str, *, depot: Depot) -> str:
    """Put something."""
    return await depot.put(key)


async def full(call: Call, _: Handler) -> Outcome:
    """Say that there is no room."""
    return NotDone(f"{call.target} is full", reason="full")


async def odd(_call: Call, _: Handler) -> Outcome:
    """Say more than is stored, in half characters."""
    return NotDone("\ud800" + "x" * TEXT_LIMIT, reason="odd")


async def fail(mill: Mill, attempts: int) -> RunStatus:
    """Let so many attempts come to their ends, and return how the run stands then."""
    while len(mill.script.calls) < attempts:
        await mill.spend(SECOND)
    await mill.settle()
    return await mill.status(put, "a")


async def crash(mill: Mill) -> None:
    """Lose everything that is not on disk."""
    await mill.settle()
    await mill.reopen()


@pytest.mark.parametrize("before", range(1, FIRST_ATTENTION))
async def test_failures_alike_are_counted_over_a_crash(tmp_path: Path, before: int) -> None:
    """Wherever a crash falls, the tenth equal failure calls for people, and no earlier one."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put, "a", id="a")
        await fail(mill, before)
        await crash(mill)

        ninth = await fail(mill, FIRST_ATTENTION - 1)
        tenth = await fail(mill, FIRST_ATTENTION)

        assert (ninth, tenth) == (RunStatus.RUNNING, RunStatus.NEEDS_ATTENTION)


async def test_a_crash_after_every_failure_hides_none(tmp_path: Path) -> None:
    """An engine that dies after each failure still finds that a service stands still."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put, "a", id="a")
        seen: list[RunStatus] = []

        for attempts in range(1, FIRST_ATTENTION + 1):
            seen.append(await fail(mill, attempts))
            await crash(mill)

        assert seen == [RunStatus.RUNNING] * (FIRST_ATTENTION - 1) + [RunStatus.NEEDS_ATTENTION]


async def test_failures_of_another_kind_before_a_crash_do_not_count(tmp_path: Path) -> None:
    """Six failures of one kind and three of another are three in a row, after a crash as before it."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", *[full] * 6, always=not_done)
        await mill.host.start(put, "a", id="a")
        await fail(mill, 9)
        await crash(mill)

        early = await fail(mill, 6 + FIRST_ATTENTION - 1)
        due = await fail(mill, 6 + FIRST_ATTENTION)

        assert (early, due) == (RunStatus.RUNNING, RunStatus.NEEDS_ATTENTION)


async def test_another_kind_of_failure_after_a_crash_begins_anew(tmp_path: Path) -> None:
    """Four failures of one kind before a crash and nine of another after it call for nobody."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", *[full] * 4, always=not_done)
        await mill.host.start(put, "a", id="a")
        await fail(mill, 4)
        await crash(mill)

        assert await fail(mill, 4 + FIRST_ATTENTION - 1) is RunStatus.RUNNING


async def test_waits_at_the_door_are_no_failures_after_a_crash(tmp_path: Path) -> None:
    """Attempts that never came to the service do not count, however the engine ended among them."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", *[not_done] * 2, *[admission] * 6, always=not_done)
        await mill.host.start(put, "a", id="a")
        await fail(mill, 8)
        await crash(mill)

        assert await fail(mill, 6 + FIRST_ATTENTION - 1) is RunStatus.RUNNING


async def test_failures_alike_are_known_again_whatever_they_say(tmp_path: Path) -> None:
    """A failure whose text cannot be stored as it is counts as the one that was stored, and stops no engine."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=odd)
        await mill.host.start(put, "a", id="a")
        await fail(mill, 5)
        await crash(mill)

        assert await fail(mill, FIRST_ATTENTION) is RunStatus.NEEDS_ATTENTION
