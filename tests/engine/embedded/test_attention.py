"""Runs that need attention: when they do, what goes on meanwhile, and what people can do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Mill, Safe, not_done
from weft.codec import codec_for
from weft.errors import InputInvalid, NotDone, RunNotFound, RunTerminated
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome, Refused
from weft.model.run import RunStatus
from weft.model.workflow import workflow

OPEN = [RunStatus.RUNNING, RunStatus.NEEDS_ATTENTION]


@workflow
async def put(key: str, *, depot: Depot) -> str:
    """Put something, or tell why not."""
    try:
        return await depot.put(key)
    except NotDone as error:
        return f"not done: {error.reason}"


@workflow
async def spoil(key: str, *, depot: Depot, safe: Safe) -> None:
    """Take and pay, and then fail."""
    async with saga():
        await depot.take(key)
        await safe.pay(key)
        raise LookupError(key)


@workflow
async def both(key: str, *, depot: Depot) -> None:
    """Take two things one after the other, and fail."""
    async with saga():
        await depot.take(key)
        await depot.take(key * 2)
        raise LookupError(key)


async def refuse(_call: Call, _handler: Handler) -> Outcome:
    """Decline with something that nobody declared."""
    return Refused("SoldOut", codec_for(str).encode("x"))


async def test_ten_equal_failures_need_attention_and_are_still_tried_again(tmp_path: Path) -> None:
    """Ten equal failures in a row call for people, and the engine goes on trying without them."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", *[not_done] * 9)
        await mill.host.start(put, "a", id="a")
        await mill.spend(10 * MINUTE)
        mill.script.on("put", *[not_done] * 15)
        await mill.host.start(put, "b", id="b")
        seen = {RunStatus.RUNNING}

        while (status := await mill.status(put, "b")).is_open:
            seen.add(status)
            await mill.spend(SECOND)

        assert await mill.status(put, "a") is status is RunStatus.COMPLETED
        assert seen == set(OPEN)
        assert (await mill.story(put, "b")).view.reason == ""


async def test_an_exception_that_nobody_declared_is_told_with_its_cause(tmp_path: Path) -> None:
    """A service that raises what it did not declare is tried again; after ten equal ones people hear what and where."""
    async with Mill(tmp_path, put) as mill:
        run = await mill.host.start(put, "broken", id="a")
        await mill.spend(HOUR)
        view = (await mill.story(put, "a")).view

        await mill.host.start(put, "tools", id="b")
        await mill.spend(2 * MINUTE)

        assert view.status is RunStatus.NEEDS_ATTENTION
        assert "OSError: [Errno 28] no shelf" in view.reason
        assert "mill.py:" in view.reason
        assert await run.result() == "broken"


async def test_failures_that_differ_do_not_need_attention(tmp_path: Path) -> None:
    """Failures that are each another one are a service in motion, not one that stands still."""
    async with Mill(tmp_path, put) as mill:
        numbers = iter(range(1_000))

        async def away(_call: Call, _handler: Handler) -> Outcome:
            return NotDone(f"number {next(numbers)}", reason="away")

        mill.script.on("put", always=away)
        await mill.host.start(put, "a", id="a")

        await mill.spend(HOUR)

        assert await mill.status(put, "a") is RunStatus.RUNNING


async def test_attention_survives_a_crash(tmp_path: Path) -> None:
    """A run that needs attention still does after a crash, until the call ends."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put, "a", id="a")
        await mill.spend(HOUR)

        await mill.reopen()
        await mill.settle()
        after = await mill.status(put, "a")
        mill.script.on("put")
        await mill.spend(2 * MINUTE)

        assert after is RunStatus.NEEDS_ATTENTION
        assert await mill.status(put, "a") is RunStatus.COMPLETED


async def test_retry_tries_now(tmp_path: Path) -> None:
    """`retry` does not wait for the next attempt, and is on record with who asked."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        run = await mill.host.start(put, "a", id="a")
        await mill.spend(HOUR)
        mill.script.on("put")

        await mill.engine.retry("put", "a", who="ada")
        await mill.settle()

        assert await run.result() == "a"
        assert "retry  (by ada)" in [row.what for row in (await mill.story(put, "a")).rows]


async def test_retry_that_fails_again_leaves_the_run_trying(tmp_path: Path) -> None:
    """A retry that comes too early costs nothing: the engine goes on as before."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put, "a", id="a")
        await mill.spend(HOUR)

        await mill.engine.retry("put", "a", who="ada")
        await mill.settle()
        attempts = len(mill.script.calls)
        await mill.spend(2 * MINUTE)

        assert len(mill.script.calls) > attempts
        assert mill.script.twice == []


async def test_skip_tells_the_run_that_the_call_was_not_done(tmp_path: Path) -> None:
    """A skipped call ends as not done, by an operator, with the reason in the journal."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        run = await mill.host.start(put, "a", id="a")
        await mill.spend(HOUR)

        await mill.engine.skip("put", "a", who="ada", why="the depot is gone")
        await mill.spend(HOUR)

        story = await mill.story(put, "a")
        assert await run.result() == "not done: skipped"
        assert "skipped: the depot is gone (by ada)" in [row.outcome for row in story.rows]


async def test_skip_with_a_reply_stands_for_the_service(tmp_path: Path) -> None:
    """An operator who knows the answer gives it, and the run goes on with it."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        run = await mill.host.start(put, "a", id="a")
        await mill.spend(HOUR)

        await mill.engine.skip("put", "a", who="ada", why="done by hand", reply=b'"by hand"')

        assert await run.result() == "by hand"


async def test_skip_needs_a_reason_and_a_call_in_need(tmp_path: Path) -> None:
    """Nothing is given up without a reason, nor while the engine still has hope."""
    async with Mill(tmp_path, put) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(put, "a", id="a")
        await mill.spend(SECOND)

        with pytest.raises(InputInvalid, match="no call of run put/a needs attention"):
            await mill.engine.skip("put", "a", who="ada", why="impatience")
        await mill.spend(HOUR)
        with pytest.raises(InputInvalid, match="a skip needs a reason"):
            await mill.engine.skip("put", "a", who="ada", why="")
        with pytest.raises(RunNotFound):
            await mill.engine.skip("put", "b", who="ada", why="a slip")


async def test_an_undo_is_never_given_up_and_needs_attention_after_ten_failures(tmp_path: Path) -> None:
    """An undo is tried until it succeeds; people are called after ten failures, equal or not."""
    async with Mill(tmp_path, spoil) as mill:
        mill.script.on("refund", always=not_done)
        await mill.host.start(spoil, "x", id="1")
        await mill.spend(24 * HOUR)
        in_need = await mill.status(spoil, "1")

        mill.script.on("refund")
        await mill.spend(2 * MINUTE)

        assert in_need is RunStatus.NEEDS_ATTENTION
        assert await mill.status(spoil, "1") is RunStatus.FAILED
        assert mill.books.lines == ["take x", "pay x", "refund x", "give back x"]


async def test_skipping_an_undo_lets_the_saga_end(tmp_path: Path) -> None:
    """A skipped undo counts as done: the undos that wait for it go on, and the run ends with its own error."""
    async with Mill(tmp_path, spoil) as mill:
        mill.script.on("refund", always=not_done)
        await mill.host.start(spoil, "x", id="1")
        await mill.spend(24 * HOUR)

        await mill.engine.skip("spoil", "1", who="ada", why="paid back in cash")
        await mill.spend(MINUTE)

        view = (await mill.story(spoil, "1")).view
        assert (view.status, view.reason.partition(":")[0]) == (RunStatus.FAILED, "LookupError")
        assert mill.books.lines == ["take x", "pay x", "give back x"]


async def test_an_undo_that_is_declined_needs_attention_at_once(tmp_path: Path) -> None:
    """An undo may not be refused: people are called at the first time, and it is tried again slowly."""
    async with Mill(tmp_path, spoil) as mill:
        mill.script.on("refund", refuse)
        await mill.host.start(spoil, "x", id="1")

        await mill.settle()
        view = (await mill.story(spoil, "1")).view
        await mill.spend(2 * MINUTE)

        assert (view.status, view.reason) == (
            RunStatus.NEEDS_ATTENTION,
            "the undo safe.refund was declined with SoldOut",
        )
        assert await mill.status(spoil, "1") is RunStatus.FAILED


async def test_terminate_ends_a_run_without_its_undos(tmp_path: Path) -> None:
    """A terminated run is over at once: no undo, no further attempt, and who waits hears why."""
    async with Mill(tmp_path, spoil) as mill:
        mill.script.on("refund", always=not_done)
        run = await mill.host.start(spoil, "x", id="1")
        await mill.spend(HOUR)
        attempts = len(mill.script.calls)

        await mill.engine.terminate("spoil", "1", who="ada", why="enough")
        await mill.spend(HOUR)

        with pytest.raises(RunTerminated, match="enough"):
            await run.result()
        assert (len(mill.script.calls), mill.books.lines) == (attempts, ["take x", "pay x"])


async def test_a_run_is_told_nothing_between_its_termination_and_the_disk(tmp_path: Path) -> None:
    """Whatever comes in the same moment as the termination finds a run that is over, and does not bring it back."""
    async with Mill(tmp_path, both) as mill:
        mill.script.on("give_back", always=not_done)
        await mill.host.start(both, "x", id="1")
        await mill.spend(HOUR)
        engine = mill.engine

        ends = await asyncio.gather(
            engine.terminate("both", "1", who="ada", why="enough"),
            engine.cancel("both", "1"),
            engine.start("both", "1", b'"x"'),
            engine.send("both", "1", kind="Word", data=b"{}"),
            engine.terminate("both", "1", who="bob", why="me too"),
            engine.retry("both", "1", who="bob"),
            return_exceptions=True,
        )
        await mill.reopen()
        await mill.spend(HOUR)

        assert await mill.status(both, "1") is RunStatus.TERMINATED
        assert [type(end).__name__ for end in ends] == ["NoneType", "NoneType", "NoneType", *["RunClosed"] * 3]
