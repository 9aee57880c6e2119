"""Runs end alike on every engine: steps, tasks, timers, chance, and what a start finds."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.stage import (
    Desk,
    broken,
    chances,
    impatient,
    in_turn,
    mended,
    naps,
    side_by_side,
)
from weft.errors import RunExists, RunFailed, RunNotFound
from weft.host.host import Host


async def test_steps_come_one_after_the_other(host: Host, desk: Desk, key: str) -> None:
    """Calls are made in the order of the code, and their replies are its values."""
    run = await host.start(in_turn, 3, id=key)

    result = await run.result()

    assert result == ["THING-0", "THING-1", "THING-2"]
    assert desk.lines == ["note thing-0", "note thing-1", "note thing-2"]


async def test_tasks_go_side_by_side(host: Host, desk: Desk, key: str) -> None:
    """What is gathered is made at once; a task group's calls come behind it."""
    run = await host.start(side_by_side, 3, id=key)

    result = await run.result()

    assert result == ["LEFT-0", "LEFT-1", "LEFT-2", "RIGHT-0", "RIGHT-1", "RIGHT-2"]
    assert sorted(desk.lines[:3]) == ["note left-0", "note left-1", "note left-2"]
    assert len(desk.lines) == 6


async def test_time_passes_in_a_run(host: Host, key: str) -> None:
    """After a sleep at least as much time has passed, as the run sees it."""
    run = await host.start(naps, 3, id=key)

    assert await run.result()


async def test_a_failing_attempt_is_made_again(host: Host, desk: Desk, key: str) -> None:
    """An operation that may be repeated is repeated until it succeeds, and the run sees only that."""
    desk.broken["thing-1"] = 2

    result = await (await host.start(in_turn, 2, id=key)).result()

    assert result == ["THING-0", "THING-1"]
    assert desk.lines.count("broken note thing-1") == 2


async def test_a_timeout_ends_the_wait(host: Host, desk: Desk, key: str) -> None:
    """A run that waits no longer goes on, and is over once the effect that it left has come to rest."""
    reached = desk.hold("slow")
    run = await host.start(impatient, "slow", id=key)
    await reached.wait()

    waiting = asyncio.ensure_future(run.result())
    await (await host.start(naps, 3, id=key)).result()
    still_open = not waiting.done()
    desk.held["slow"].set()

    assert still_open
    assert await waiting == "late"


async def test_an_exception_fails_the_run(host: Host, key: str) -> None:
    """An ordinary exception is the run's end, with its kind and its text; it is not tried again."""
    run = await host.start(broken, "nothing works", id=key)

    with pytest.raises(RunFailed, match="nothing works") as failed:
        await run.result()

    assert failed.value.kind == "ValueError"


async def test_a_second_start_finds_the_run(host: Host, desk: Desk, key: str) -> None:
    """Starting with the same id and input finds the run; with another input it is refused."""
    first = await host.start(in_turn, 2, id=key)
    second = await host.start(in_turn, 2, id=key)

    with pytest.raises(RunExists):
        await host.start(in_turn, 3, id=key)

    assert await first.result() == await second.result()
    assert len(desk.lines) == 2


async def test_an_ended_run_is_found_too(host: Host, desk: Desk, key: str) -> None:
    """A start after the end finds the result: the work is not done twice."""
    await (await host.start(in_turn, 2, id=key)).result()

    again = await host.start(in_turn, 2, id=key)

    assert await again.result() == ["THING-0", "THING-1"]
    assert len(desk.lines) == 2


async def test_nobody_knows_a_run_that_is_not_there(host: Host, key: str) -> None:
    """What is asked of a run that was never started says so."""
    with pytest.raises(RunNotFound):
        await host.find(in_turn, key).result()
    with pytest.raises(RunNotFound):
        await host.find(in_turn, key).cancel()


async def test_chance_differs_from_run_to_run(host: Host, key: str) -> None:
    """Each throw is another one, in one run and between runs."""
    one = await (await host.start(chances, 2, id=f"{key}-1")).result()
    other = await (await host.start(chances, 2, id=f"{key}-2")).result()

    assert len({*one, *other}) == 4


async def test_a_new_run_goes_by_its_patches(host: Host, desk: Desk, key: str) -> None:
    """A run that reaches a patch for the first time goes the new way."""
    assert await (await host.start(mended, "door", id=key)).result() == "NEW DOOR"
    assert desk.lines == ["note new door"]


async def test_the_story_tells_what_happened(host: Host, key: str) -> None:
    """The timeline names each step with its outcome and place, and the result stands beside it."""
    run = await host.start(in_turn, 2, id=key)
    await run.result()

    story = await host.engine.show(run.workflow, run.id)

    assert [(row.kind, row.what, row.outcome, row.attempts) for row in story.rows] == [
        ("start", "2", "", 0),
        ("call", 'desk.note {"thing":"thing-0"}', 'replied "THING-0"', 1),
        ("call", 'desk.note {"thing":"thing-1"}', 'replied "THING-1"', 1),
        ("end", '["THING-0","THING-1"]', "completed", 0),
    ]
    assert all("stage.py:" in row.line for row in story.rows if row.kind == "call")
    assert story.result == b'["THING-0","THING-1"]'
