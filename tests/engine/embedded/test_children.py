"""Children: runs that runs start, wait for and close."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, Safe
from weft.errors import RunCancelled, RunFailed, RunTerminated
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Go(Signal):
    """Go on."""


@dataclass(frozen=True)
class Plan:
    """What becomes of the child, and how long its parent waits for it."""

    on_close: Literal["cancel", "abandon", "terminate"] = "cancel"
    seconds: int = 1_000_000
    key: str = "x"


@workflow
async def child(key: str, *, safe: Safe) -> str:
    """Pay, and wait; pay back when cancelled."""
    async with saga():
        await safe.pay(key)
        await receive(Go)
    return f"paid {key}"


@workflow
async def parent(plan: Plan, *, runs: Runs) -> str:
    """Run a child, but not longer than the plan says."""
    try:
        async with asyncio.timeout(plan.seconds):
            return await runs.run(child, plan.key, id="c", on_close=plan.on_close)
    except TimeoutError:
        return "late"


@workflow
async def starter(plan: Plan, *, runs: Runs) -> None:
    """Start a child and wait for nothing but a signal."""
    await runs.start(child, plan.key, id="c", on_close=plan.on_close)
    await receive(Go)


@workflow
async def strict(key: str, *, runs: Runs, safe: Safe) -> str:
    """Run a child inside a saga, and say how it failed."""
    try:
        async with saga():
            await safe.pay("mine")
            return await runs.run(child, key, id="c")
    except RunFailed as error:
        return f"{type(error).__name__} {error.kind}"


@workflow
async def deep(n: int, *, runs: Runs) -> int:
    """Run a child of the same kind, and so on, and wait at the bottom."""
    if n == 0:
        await receive(Go)
        return 0
    return 1 + await runs.run(deep, n - 1, id=str(n - 1))


ALL = (child, parent, starter, strict, deep)


async def test_a_child_gives_its_result(tmp_path: Path) -> None:
    """A workflow starts another and waits for its result; so does an outsider."""
    async with Mill(tmp_path, *ALL) as mill:
        run = await mill.host.start(parent, Plan(), id="p")
        await mill.settle()
        await mill.host.find(child, "c").send(Go())
        outside = asyncio.ensure_future(mill.host.run(child, "y", id="d"))
        await mill.settle()
        await mill.host.find(child, "d").send(Go())

        assert (await run.result(), await outside) == ("paid x", "paid y")


async def test_a_childs_failure_is_raised_with_its_kind(tmp_path: Path) -> None:
    """The parent gets RunFailed, with the name of the child's exception, and undoes its own part."""
    async with Mill(tmp_path, *ALL) as mill:
        run = await mill.host.start(strict, "none", id="s")

        assert await run.result() == "RunFailed SoldOut"
        assert mill.books.lines == ["pay mine", "refund mine"]


async def test_a_cancelled_wait_closes_the_child_and_waits_for_it(tmp_path: Path) -> None:
    """Who stops waiting cancels the child; the parent ends once the child has undone its part."""
    async with Mill(tmp_path, *ALL) as mill:
        gate = Gate()
        mill.script.on("refund", gate)
        await mill.host.start(parent, Plan(seconds=60), id="p")
        await mill.spend(MINUTE + SECOND)
        before = await mill.status(parent, "p")
        gate.open()
        await mill.settle()

        assert before.is_open
        assert await mill.host.find(parent, "p").result() == "late"
        assert await mill.status(child, "c") is RunStatus.CANCELLED
        assert mill.books.lines == ["pay x", "refund x"]


@pytest.mark.parametrize(
    ("on_close", "status", "lines"),
    [("abandon", RunStatus.WAITING, ["pay x"]), ("terminate", RunStatus.TERMINATED, ["pay x"])],
)
async def test_the_policy_says_how_a_cancelled_wait_closes(
    tmp_path: Path, on_close: Literal["abandon", "terminate"], status: RunStatus, lines: list[str]
) -> None:
    """An abandoned child goes on, and nobody waits for it; a terminated one ends without its undos."""
    async with Mill(tmp_path, *ALL) as mill:
        await mill.host.start(parent, Plan(on_close, 60), id="p")
        await mill.spend(2 * MINUTE)

        assert await mill.host.find(parent, "p").result() == "late"
        assert await mill.status(child, "c") is status
        assert mill.books.lines == lines


@pytest.mark.parametrize(
    ("on_close", "status"),
    [("cancel", RunStatus.CANCELLED), ("abandon", RunStatus.WAITING), ("terminate", RunStatus.TERMINATED)],
)
async def test_the_end_of_a_parent_closes_what_it_started(
    tmp_path: Path, on_close: Literal["cancel", "abandon", "terminate"], status: RunStatus
) -> None:
    """A child that was only started is closed by policy when its parent ends, whoever was loaded."""
    async with Mill(tmp_path, *ALL) as mill:
        await mill.host.start(starter, Plan(on_close), id="p")
        await mill.settle()
        await mill.reopen()
        await mill.host.find(starter, "p").send(Go())
        await mill.settle()

        assert await mill.status(starter, "p") is RunStatus.COMPLETED
        assert await mill.status(child, "c") is status


async def test_a_terminated_parent_closes_its_children(tmp_path: Path) -> None:
    """An operator who ends a run without its undos does not leave its children running; nor if it is blocked."""
    async with Mill(tmp_path, *ALL) as mill:
        await mill.host.start(parent, Plan(), id="p")
        await mill.settle()
        await mill.reopen(child, starter, strict, deep)
        blocked = (await mill.engine.list(workflow="parent"))[0].status

        await mill.engine.terminate("parent", "p", who="op", why="test")
        await mill.settle()

        assert blocked is RunStatus.BLOCKED
        assert await mill.status(child, "c") is RunStatus.CANCELLED


async def test_the_end_of_a_parent_and_its_closing_are_one_transaction(tmp_path: Path) -> None:
    """A crash at any commit leaves no child behind whose parent has ended."""
    for die_at in range(1, 6):
        folder = tmp_path / str(die_at)
        folder.mkdir()
        async with Mill(folder, *ALL) as mill:
            await mill.host.start(starter, Plan(), id="p")
            await mill.settle()
            mill.die_at = mill.commits + die_at
            with suppress(Exception):
                await mill.host.find(starter, "p").send(Go())
            await mill.settle()
            await mill.reopen()
            await mill.settle()

            assert await mill.status(starter, "p") is RunStatus.COMPLETED
            assert await mill.status(child, "c") is RunStatus.CANCELLED
            assert mill.books.lines == ["pay x", "refund x"]


async def test_a_crash_at_every_commit_closes_the_child_once(tmp_path: Path) -> None:
    """A wait that was cancelled stays cancelled over crashes, and the child is undone once."""
    for die_at in range(1, 12):
        folder = tmp_path / str(die_at)
        folder.mkdir()
        async with Mill(folder, *ALL) as mill:
            await mill.host.start(parent, Plan(seconds=60), id="p")
            mill.die_at = mill.commits + die_at
            await mill.spend(2 * MINUTE)
            await mill.reopen()
            await mill.spend(2 * MINUTE)

            assert await mill.host.find(parent, "p").result() == "late", die_at
            assert await mill.status(child, "c") is RunStatus.CANCELLED
            assert mill.books.lines == ["pay x", "refund x"]
            kinds = [row.kind for row in (await mill.story(child, "c")).rows]
            assert kinds.count("cancel") == 1


async def test_cancelling_the_oldest_cancels_the_youngest(tmp_path: Path) -> None:
    """A cancellation goes down a long line of children, and everybody ends from the bottom up."""
    async with Mill(tmp_path, *ALL) as mill:
        run = await mill.host.start(deep, 150, id="150")
        await mill.settle()
        await run.cancel()

        with pytest.raises(RunCancelled):
            await run.result()
        assert {view.status for view in await mill.engine.list(limit=1_000)} == {RunStatus.CANCELLED}


async def test_terminating_the_oldest_closes_the_whole_line(tmp_path: Path) -> None:
    """So does an operator's end, all of it in one transaction."""
    async with Mill(tmp_path, *ALL) as mill:
        await mill.host.start(deep, 150, id="150")
        await mill.settle()
        await mill.engine.terminate("deep", "150", who="op", why="test")
        await mill.settle()

        assert await mill.status(deep, "150") is RunStatus.TERMINATED
        assert {view.status.is_open for view in await mill.engine.list(limit=1_000)} == {False}


async def test_an_outsider_who_stops_waiting_closes_the_run(tmp_path: Path) -> None:
    """Outside of runs a cancelled wait closes the child too, and goes on once that has ended."""
    async with Mill(tmp_path, *ALL) as mill:
        waits = [
            asyncio.ensure_future(mill.host.run(child, key, id=key, on_close=how))
            for key, how in (("a", "cancel"), ("b", "abandon"), ("c", "terminate"))
        ]
        await mill.settle()
        for wait in waits:
            wait.cancel()
        ends = await asyncio.gather(*waits, return_exceptions=True)

        assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
        statuses = [await mill.status(child, key) for key in "abc"]
        assert statuses == [RunStatus.CANCELLED, RunStatus.WAITING, RunStatus.TERMINATED]


async def test_a_child_that_an_operator_ended_fails_its_parent(tmp_path: Path) -> None:
    """Cancelled and terminated children are told apart."""
    async with Mill(tmp_path, *ALL) as mill:
        cancelled = asyncio.ensure_future(mill.host.run(child, "a", id="a"))
        terminated = await mill.host.start(strict, "x", id="s")
        await mill.settle()
        await mill.host.find(child, "a").cancel()
        await mill.engine.terminate("child", "c", who="op", why="test")

        with pytest.raises(RunCancelled):
            await cancelled
        assert await terminated.result() == f"{RunTerminated.__name__} terminated"


async def test_a_deadline_ends_a_child(tmp_path: Path) -> None:
    """`within` is the child's; its parent hears that it was cancelled."""

    @workflow
    async def limited(_: int, *, runs: Runs) -> str:
        try:
            return await runs.run(child, "x", id="c", within=timedelta(hours=1))
        except RunCancelled as error:
            return error.what.rpartition(": ")[2]

    async with Mill(tmp_path, child, limited) as mill:
        run = await mill.host.start(limited, 0, id="1")
        await mill.spend(2 * HOUR)

        assert await run.result() == "its deadline has passed"
        assert mill.books.lines == ["pay x", "refund x"]


async def test_a_depot_may_not_notice(tmp_path: Path) -> None:
    """A child that ended before its parent did is left as it is."""

    @workflow
    async def quick(key: str, *, depot: Depot) -> str:
        return await depot.put(key)

    @workflow
    async def both(key: str, *, runs: Runs) -> str:
        await runs.start(quick, key, id="q", on_close="terminate")
        return await runs.find(quick, "q").result()

    async with Mill(tmp_path, quick, both) as mill:
        assert await (await mill.host.start(both, "a", id="1")).result() == "a"
        assert await mill.status(quick, "q") is RunStatus.COMPLETED
