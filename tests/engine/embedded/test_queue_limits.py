"""Limits that the code changes: what it says when the store is opened counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.bakery import Diary, Finish, Pages, bake, bakery, begun, clean, deliver
from weft.model.queueing import AtOnce
from weft.model.run import RunStatus
from weft.model.system import System
from weft.model.workflow import Workflow


def with_limits(total: int | None, each_key: int | None = None) -> tuple[System, Workflow[str, str]]:
    """Return the bakery with other limits for its ovens."""
    changed: Workflow[str, str] = Workflow(bake.function, "bake", AtOnce(total, each_key))
    return System("bakery", services=[Diary], workflows=[changed, deliver, clean]), changed


@pytest.mark.parametrize(
    ("before", "after", "first", "second"),
    [
        ((2, None), (4, None), 2, 4),
        ((2, None), (None, None), 2, 6),
        ((None, None), (3, None), 6, 6),
        ((4, None), (1, None), 4, 4),
        ((None, 1), (None, 2), 2, 4),
    ],
)
async def test_limits_of_the_code_count_from_the_next_start(
    tmp_path: Path, before: tuple[int | None, int | None], after: tuple[int | None, int | None], first: int, second: int
) -> None:
    """More may begin at once where the limit has grown or gone; nobody is sent away where it has shrunk."""
    pages = Pages()
    for limits, count in ((before, first), (after, second)):
        system, flow = with_limits(*limits)
        async with bakery(pages, tmp_path, system=system) as world:
            for cake in ("a1", "a2", "a3", "b1", "b2", "b3"):
                await world.start(flow, cake, id=cake, key=cake[0])
            await world.settle()

        assert len(begun(pages)) == count


async def test_smaller_limit_lets_in_once_there_is_room(tmp_path: Path) -> None:
    """Of four at work three have to end before the next one begins, where one is allowed now."""
    pages = Pages()
    system, flow = with_limits(3)
    async with bakery(pages, tmp_path, system=system) as world:
        for cake in ("1", "2", "3", "4"):
            await world.start(flow, cake, id=cake)
        await world.settle()
    system, flow = with_limits(1)
    counts: list[int] = []
    async with bakery(pages, tmp_path, system=system) as world:
        for cake in ("1", "2", "3"):
            await world.find(flow, cake).send(Finish())
            await world.settle()
            counts.append(len(begun(pages)))

    assert counts == [3, 3, 4]


async def test_runs_of_a_workflow_that_is_gone_wait_behind_one_that_is_blocked(tmp_path: Path) -> None:
    """Nothing is lost and nothing is loaded that cannot go on; with the workflow back, all end."""
    pages = Pages()
    system, flow = with_limits(1)
    gone = System("bakery", services=[Diary], workflows=[clean])
    names = ("1", "2", "3")
    async with bakery(pages, tmp_path, system=system) as world:
        for cake in names:
            await world.start(flow, cake, id=cake)
            await world.find(flow, cake).send(Finish())
        await world.find(flow, "1").cancel()
    async with bakery(pages, tmp_path, system=gone) as world:
        await world.settle()
        statuses = {view.id: view.status for view in await world.host.engine.list()}
    async with bakery(pages, tmp_path, system=system) as world:
        await world.settle()
        ends = {view.status for view in await world.host.engine.list()}

    assert all(statuses[name] in {RunStatus.BLOCKED, RunStatus.WAITING} or not statuses[name].is_open for name in names)
    assert not any(status.is_open for status in ends)
