"""Runs that start, tell, await and cancel other runs, from workflows and from operations, over crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Mill
from weft.engine.embedded.engine import EmbeddedEngine
from weft.errors import LimitExceeded, RunCancelled, RunClosed, RunExists, RunFailed, RunNotFound
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.workflow import workflow

heard = State("heard", 0)


class Word(Signal):
    """Something said."""

    text: str


@workflow
async def child(key: str, *, depot: Depot) -> str:
    """Put something and hear a word."""
    await depot.put(key)
    word = await receive(Word)
    heard.set(len(word.text))
    return key + word.text


@workflow
async def parent(key: str, *, runs: Runs, depot: Depot) -> str:
    """Start a child, tell it a word, and await it between two calls."""
    await depot.put("before")
    run = await runs.start(child, key, id=f"{key}-child")
    await run.send(Word("!"))
    result = await run.result()
    size = await run.read(heard)
    await depot.put("after")
    return f"{result} {size}"


@workflow
async def broken(key: str, *, runs: Runs) -> str:
    """Await a child that fails, and tell how."""
    try:
        return str(await (await runs.start(failing, key, id="f")).result())
    except RunFailed as error:
        return f"{type(error).__name__} {error.kind}"


@workflow
async def failing(key: str) -> int:
    """Fail."""
    raise KeyError(key)


@workflow
async def careless(key: str, *, runs: Runs) -> list[str]:
    """Do what is not possible, and collect what is said of it."""
    errors: list[str] = []
    await runs.start(child, key, id="one")
    for act in (
        runs.start(child, key * 2, id="one"),
        runs.find(child, "two").send(Word("?")),
        runs.find(child, "two").result(),
        runs.find(failing, "f").send(Word("?")),
    ):
        try:
            await act
        except (RunExists, RunNotFound, RunClosed) as error:
            errors.append(type(error).__name__)
    return errors


@workflow
async def canceller(key: str, *, runs: Runs, depot: Depot) -> str:
    """Cancel a child, and undo what was done when that is heard of."""
    async with saga():
        await depot.take(key)
        run = await runs.start(child, key, id="c")
        await run.cancel("not needed")
        return await run.result()


async def test_a_child_is_started_told_and_awaited(tmp_path: Path) -> None:
    """What a run asks of others is done once, and their results come back typed."""
    async with Mill(tmp_path, parent, child) as mill:
        run = await mill.host.start(parent, "x", id="1")

        assert await run.result() == "x! 1"
        assert mill.books.lines == ["put before", "put x", "put after"]


@pytest.mark.parametrize("commit", range(1, 17))
async def test_a_crash_at_any_commit_starts_no_second_child(tmp_path: Path, commit: int) -> None:
    """Whatever was killed, there is one child, it was told once, and the parent ends the same."""
    async with Mill(tmp_path, parent, child) as mill:
        mill.die_at = commit
        await _start_or_die(mill)

        await mill.reopen()
        await mill.host.start(parent, "x", id="1")
        await mill.spend(HOUR)

        assert await mill.host.find(parent, "1").result() == "x! 1"
        assert len(await mill.engine.list(workflow="child")) == 1
        assert set(mill.books.lines) == {"put before", "put x", "put after"}
        messages = [row for row in (await mill.story(child, "x-child")).rows if row.kind == "message"]
        assert len(messages) == 1


async def _start_or_die(mill: Mill) -> None:
    try:
        await mill.host.start(parent, "x", id="1")
    except Exception:  # noqa: BLE001 - the engine may die before it can answer
        return
    await mill.settle()


async def test_a_failed_child_is_an_exception_of_its_parent(tmp_path: Path) -> None:
    """The parent hears which exception ended its child."""
    async with Mill(tmp_path, broken, failing) as mill:
        run = await mill.host.start(broken, "x", id="1")

        assert await run.result() == "RunFailed KeyError"


async def test_what_is_not_possible_is_said_to_the_run(tmp_path: Path) -> None:
    """Errors about other runs are the workflow's to catch, each under its own name."""
    async with Mill(tmp_path, careless, child, failing) as mill:
        await mill.host.start(failing, "x", id="f")
        run = await mill.host.start(careless, "x", id="1")

        assert await run.result() == ["RunExists", "RunNotFound", "RunNotFound", "RunClosed"]


async def test_a_cancelled_child_cancels_nothing_above_it(tmp_path: Path) -> None:
    """The parent is told by an exception, and its saga undoes what it had done."""
    async with Mill(tmp_path, canceller, child) as mill:
        run = await mill.host.start(canceller, "x", id="1")

        with pytest.raises(RunFailed) as caught:
            await run.result()
        assert caught.value.kind == RunCancelled.__name__
        assert mill.books.lines[-1] == "give back x"


async def test_a_parent_that_waits_for_a_child_waits_over_crashes(tmp_path: Path) -> None:
    """A child that takes its time is awaited in every life."""
    async with Mill(tmp_path, waiter, child) as mill:
        await mill.host.start(waiter, "x", id="1")
        for _ in range(3):
            await mill.spend(HOUR)
            await mill.reopen()
        before = await mill.status(waiter, "1")

        await mill.host.find(child, "c").send(Word("?"))

        assert before is RunStatus.RUNNING
        assert await mill.host.find(waiter, "1").result() == "x?"


@workflow
async def waiter(key: str, *, runs: Runs) -> str:
    """Await a child."""
    return await (await runs.start(child, key, id="c")).result()


async def test_nothing_is_quiet_while_a_result_is_on_its_way(tmp_path: Path) -> None:
    """Whoever asks whether anything can still happen is not told no between a child's end and its parent's."""
    async with Mill(tmp_path, waiter, child) as mill:
        await mill.host.start(waiter, "x", id="1")
        await mill.settle()
        engine: EmbeddedEngine = mill.engine

        await mill.host.find(child, "c").send(Word("?"))
        while not engine.is_quiet():
            await engine.until_changed()

        assert await mill.status(waiter, "1") is RunStatus.COMPLETED


@workflow
async def start_under(run_id: str, *, runs: Runs) -> str:
    """Start a run under an id, and tell what is said of it."""
    try:
        await runs.start(child, "x", id=run_id)
    except LimitExceeded as error:
        return f"{error.what}; {error.advice}"
    return "started"


@pytest.mark.parametrize("size", [0, 2_000])
async def test_what_can_never_be_done_is_told_at_once(tmp_path: Path, size: int) -> None:
    """A request that would be refused every time is an error of the workflow's, with its class and its remedy."""
    async with Mill(tmp_path, start_under, child) as mill:
        run = await mill.host.start(start_under, "y" * size, id="1")
        await mill.settle()

        assert await mill.status(start_under, "1") is RunStatus.COMPLETED
        said = f"a run id has 1 to 1,000 characters, this one has {size:,}; use a shorter business key"
        assert await run.result() == said
