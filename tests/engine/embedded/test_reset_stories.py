"""Resets that are disturbed: crashes at every commit, timers and messages that come meanwhile, requests, children."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, SECOND, Depot, Gate, Mill, Safe, not_done
from tests.engine.embedded.test_operators import until
from weft.engine.embedded.requests import Request, append_request
from weft.errors import ResetRefused, StoreFailed
from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Word(Signal):
    """Something said."""

    text: str


@workflow
async def trip(key: str, *, depot: Depot, safe: Safe) -> str:
    """Pay twice, as a saga, and put."""
    async with saga():
        await safe.pay(f"{key}1")
        await safe.pay(f"{key}2")
        await safe.pay(f"{key}3")
    return await depot.put(key)


@workflow
async def hurried(key: str, *, depot: Depot, safe: Safe) -> str:
    """Pay with a minute for all of it, hearing a word at the end."""
    try:
        async with asyncio.timeout(60):
            await depot.put(key)
            await safe.pay(key)
            return (await receive(Word)).text
    except TimeoutError:
        return "too late"


@workflow
async def child(key: str, *, depot: Depot) -> str:
    """Hear a word."""
    await depot.put(key)
    return (await receive(Word)).text


@workflow
async def parent(key: str, *, depot: Depot, runs: Runs) -> str:
    """Start a child that is closed with this run, and hear a word."""
    await depot.put(key)
    await runs.start(child, key, id="c", on_close="cancel")
    return (await receive(Word)).text


@workflow
async def lives(count: int, *, depot: Depot) -> str:
    """Go on as another generation once, and then put twice."""
    await depot.put(str(count))
    if count == 0:
        continue_as_new(1)
    await depot.put("again")
    return "done"


async def reset(mill: Mill, workflow: str, at: str) -> None:
    """Reset a run as an operator does."""
    await mill.engine.reset(workflow, "1", at=at, who="ada", why="again")


EXPECTED = ["pay x1", "pay x2", "pay x3", "put x", "refund x3", "refund x2", "pay x2", "pay x3", "put x"]


@pytest.mark.parametrize("offset", range(1, 8))
async def test_a_crash_at_any_commit_leaves_the_old_epoch_or_the_new(tmp_path: Path, offset: int) -> None:
    """A reset is done or it is not; half of one there never is, and a new epoch comes to its end."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        mill.die_at = mill.commits + offset

        with suppress(StoreFailed):
            await reset(mill, "trip", "safe.pay.1")
            await mill.dead.wait()
        await mill.reopen()
        mill.die_at = None
        await mill.settle()

        assert await mill.host.find(trip, "1").result() == "x"
        assert mill.books_by_line == {line: EXPECTED.count(line) for line in EXPECTED}
        assert mill.engine._row("trip", "1").epoch == 1


async def test_a_crash_at_every_commit_comes_to_the_same_end(tmp_path: Path) -> None:
    """A life that ends with each commit after the reset still takes everything back once, and does it once again."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        mill.die_at = mill.commits + 1
        lives_ = 0

        with suppress(StoreFailed):
            await reset(mill, "trip", "safe.pay.1")
        while mill.dead.is_set():
            await mill.kill()
            mill.die_at = mill.commits + 1
            lives_ += 1
            with suppress(StoreFailed):
                await mill.open()
            await mill.settle()

        assert lives_ > 5
        assert await mill.status(trip, "1") is RunStatus.COMPLETED
        assert mill.books_by_line["pay x1"] == 1
        assert (mill.books_by_line["refund x2"], mill.books_by_line["pay x2"]) == (1, 2)


async def test_a_reset_before_its_commit_never_was(tmp_path: Path) -> None:
    """A process that dies before the reset is on disk leaves the run as it stood."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        asking = asyncio.ensure_future(reset(mill, "trip", "safe.pay.1"))
        await asyncio.sleep(0)

        await mill.reopen()
        with pytest.raises(StoreFailed):
            await asking

        assert await mill.status(trip, "1") is RunStatus.COMPLETED
        assert mill.engine._row("trip", "1").epoch == 0


async def test_what_comes_during_the_undos_waits_for_them(tmp_path: Path) -> None:
    """A timer of before the cut, a message, and another life: the code goes on only once the undos are done."""
    async with Mill(tmp_path, hurried) as mill:
        run = await mill.host.start(hurried, "x", id="1")
        await mill.settle()
        mill.script.on("refund", always=not_done)
        await reset(mill, "hurried", "depot.put.1")
        await mill.spend(HOUR)
        await mill.host.find(hurried, "1").send(Word("a"))
        sent = len(mill.script.sent("pay"))

        await mill.reopen()
        mill.script.on("refund")
        await mill.spend(10 * HOUR)

        assert sent == 1
        assert await mill.host.find(hurried, "1").result() == "too late"
        assert mill.books_by_line["refund x"] == 1
        assert run.id == "1"


async def test_a_cancellation_during_the_undos_waits_for_them(tmp_path: Path) -> None:
    """A run that is cancelled while a reset takes effects back first finishes that."""
    async with Mill(tmp_path, hurried) as mill:
        await mill.host.start(hurried, "x", id="1")
        await mill.settle()
        gate = Gate()
        mill.script.on("refund", gate)
        await reset(mill, "hurried", "depot.put.1")

        await mill.engine.cancel("hurried", "1", who="ada")
        await mill.settle()
        before = await mill.status(hurried, "1")
        gate.open()
        await mill.spend(SECOND)

        assert before is RunStatus.RUNNING
        assert await mill.status(hurried, "1") is RunStatus.CANCELLED
        assert mill.books.lines == ["put x", "pay x", "refund x"]


async def test_a_run_with_writes_pending_is_reset_after_them(tmp_path: Path) -> None:
    """A reset that is asked for in the same breath as something else comes after it."""
    async with Mill(tmp_path, hurried) as mill:
        run = await mill.host.start(hurried, "x", id="1")
        await mill.settle()

        await asyncio.gather(run.send(Word("a")), reset(mill, "hurried", "depot.put.1"))
        await mill.settle()

        assert await run.result() == "a"
        assert mill.books.lines == ["put x", "pay x", "refund x", "pay x"]


async def test_a_run_is_reset_by_request_though_it_has_ended(tmp_path: Path) -> None:
    """Another process resets an ended run; the request goes in the transaction of the reset, or with its refusal."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        append_request(mill.path, Request("trip", "1", "reset", b"undo\nnowhere", "ada", "because", 0))
        append_request(mill.path, Request("trip", "1", "reset", b"undo\nsafe.pay.1", "ada", "because", 0))
        mill.die_at = mill.commits + 2
        await mill.dead.wait()

        mill.die_at = None
        await mill.reopen()
        await until(lambda: not mill.engine._open_store().pending_requests(0))
        await mill.settle()

        assert mill.engine._row("trip", "1").epoch == 1
        assert mill.books_by_line == {line: EXPECTED.count(line) for line in EXPECTED}


async def test_children_of_the_old_epoch_are_closed_with_the_run(tmp_path: Path) -> None:
    """A child that was started after the cut stays, is found again by its id, and is closed with its parent."""
    async with Mill(tmp_path, parent, child) as mill:
        run = await mill.host.start(parent, "x", id="1")
        await mill.settle()
        mill.script.on("put", Gate())

        await reset(mill, "parent", "start")
        await mill.settle()
        await mill.engine.terminate("parent", "1", who="ada", why="enough")
        await mill.settle()

        assert mill.engine._row("parent", "1").epoch == 1
        assert await mill.status(child, "c") is RunStatus.CANCELLED
        assert run.id == "1"


async def test_a_reset_stays_within_the_present_generation(tmp_path: Path) -> None:
    """`start` is the start of the present generation, and its calls keep their generation in the new epoch."""
    async with Mill(tmp_path, lives) as mill:
        await (await mill.host.start(lives, 0, id="1")).result()

        await reset(mill, "lives", "start")
        await mill.settle()

        assert await mill.status(lives, "1") is RunStatus.COMPLETED
        assert mill.books.lines == ["put 0", "put 1", "put again", "put 1", "put again"]
        assert mill.script.calls[-1].id.partition("/")[2] == "1/1/depot.put.2"


async def test_a_run_that_continued_after_a_reset_keeps_its_epoch(tmp_path: Path) -> None:
    """The epoch never goes back: a generation that begins after a reset has it too, and can be reset itself."""
    async with Mill(tmp_path, lives) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        run = await mill.host.start(lives, 0, id="1")
        await mill.settle()
        await reset(mill, "lives", "start")
        gate.open()
        await run.result()

        await mill.reopen()
        await reset(mill, "lives", "depot.put.1")
        await mill.settle()

        assert mill.script.calls[-1].id.partition("/")[2] == "1/2/depot.put.2"
        assert await mill.host.find(lives, "1").result() == "done"


async def test_a_run_whose_deadline_has_passed_is_not_reset(tmp_path: Path) -> None:
    """A run that would be cancelled at once does not come back to life."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1", within=timedelta(minutes=1))).result()
        await mill.spend(HOUR)

        with pytest.raises(ResetRefused, match="deadline"):
            await reset(mill, "trip", "start")


async def test_a_terminated_run_comes_back(tmp_path: Path) -> None:
    """What an operator ended an operator can bring back; effects that were left standing are taken back first."""
    async with Mill(tmp_path, hurried) as mill:
        await mill.host.start(hurried, "x", id="1")
        await mill.settle()
        await mill.engine.terminate("hurried", "1", who="ada", why="a mistake")
        await mill.settle()

        await reset(mill, "hurried", "depot.put.1")
        run = mill.host.find(hurried, "1")
        await run.send(Word("back"))

        assert await run.result() == "back"
        assert mill.books.lines == ["put x", "pay x", "refund x", "pay x"]
