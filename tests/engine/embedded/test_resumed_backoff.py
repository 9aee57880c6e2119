"""Calls that wait for their next attempt when the engine dies: they come when they were due, and count on."""

from __future__ import annotations

from pathlib import Path

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, not_done
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def put_one(key: str, *, depot: Depot) -> str:
    """Put one thing."""
    return await depot.put(key)


async def test_a_backoff_goes_on_where_it_stood(tmp_path: Path) -> None:
    """A crash makes no call come early: the next attempt is made when it was due, and counts on."""
    async with Mill(tmp_path, put_one) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put_one, "x", id="1")
        await mill.spend(HOUR)
        before = len(mill.script.calls)

        await mill.reopen()
        await mill.settle()
        at_once = len(mill.script.calls) - before
        await mill.spend(2 * MINUTE)

        assert at_once == 0
        assert mill.script.calls[before].attempt == before + 1


async def test_failures_before_a_crash_count(tmp_path: Path) -> None:
    """The tenth equal failure in a row calls for people, also where the engine died between them."""
    async with Mill(tmp_path, put_one) as mill:
        gate = Gate()
        mill.script.on("put", *[not_done] * 9, gate)
        await mill.host.start(put_one, "x", id="1")
        while not gate.waiting:
            await mill.spend(SECOND)
        mill.script.on("put", always=not_done)

        await mill.reopen()
        await mill.settle()

        assert len(mill.script.calls) == 11
        assert await mill.status(put_one, "1") is RunStatus.NEEDS_ATTENTION
