"""Resets: a run is cut after a step and goes on from there; what is undone, what is kept, what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, SECOND, Depot, Gate, Mill, Safe, not_done
from weft.errors import InputInvalid, ResetRefused
from weft.flow.chance import random, uuid4
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.flow.state import State
from weft.model.call import Call, Handler, Outcome
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.workflow import workflow

stage = State("stage", "")


class Word(Signal):
    """Something said."""

    text: str


@workflow(name="trip")
async def trip(key: str, *, depot: Depot, safe: Safe) -> str:
    """Take, pay, and put, as a saga."""
    async with saga():
        stage.set("begun")
        await depot.take(f"{key}1")
        await safe.pay(key)
        stage.set("paid")
        await depot.take(f"{key}2")
    return await depot.put(key)


@workflow(name="trip")
async def mended(key: str, *, depot: Depot, safe: Safe) -> str:
    """Take and pay as ever, and then offer in place of the second take."""
    async with saga():
        stage.set("begun")
        await depot.take(f"{key}1")
        await safe.pay(key)
        await depot.offer(key)
    return f"mended {key}"


@workflow
async def parallel(key: str, *, depot: Depot, safe: Safe) -> str:
    """Take while paying."""
    async with saga():
        await asyncio.gather(depot.take(key), safe.pay(key))
        await depot.ship(key)
    return key


@workflow
async def failing(key: str, *, depot: Depot, safe: Safe) -> None:
    """Take and pay, and be refused."""
    async with saga():
        await depot.take(key)
        await safe.pay(key)
        await safe.pay("none")


@workflow
async def listening(key: str, *, depot: Depot) -> str:
    """Put something, and hear two words."""
    await depot.put(key)
    first = await receive(Word)
    await depot.put(first.text)
    return f"{first.text} {(await receive(Word)).text}"


@workflow
async def lucky(key: str, *, depot: Depot) -> str:
    """Draw before and after a step."""
    before = f"{uuid4()} {random()}"
    await depot.put(key)
    return f"{before} | {uuid4()} {random()}"


async def through(call: Call, handler: Handler) -> Outcome:
    """Let an attempt through."""
    return await handler(call)


async def test_a_completed_run_goes_on_from_the_cut_with_todays_code(tmp_path: Path) -> None:
    """What came after the cut is undone in reverse, and then today's code goes on; what came before is not repeated."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()
        await mill.reopen(mended)

        await mill.engine.reset("trip", "1", at="safe.pay.1", who="ada", why="wrong parcel")

        assert await mill.host.find(mended, "1").result() == "mended x"
        assert mill.books.lines == ["take x1", "pay x", "take x2", "put x", "give back x2", "offer x"]


async def test_effects_are_undone_in_reverse_order(tmp_path: Path) -> None:
    """A reset to the start takes everything back, the last thing first, before anything is done again."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()

        await mill.engine.reset("trip", "1", at="start", who="ada", why="again")
        await mill.settle()

        assert await run.result() == "x"
        assert mill.books.lines[4:] == [
            "give back x2",
            "refund x",
            "give back x1",
            "take x1",
            "pay x",
            "take x2",
            "put x",
        ]


async def test_effects_are_kept_by_choice(tmp_path: Path) -> None:
    """With `keep` nothing is undone."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()

        await mill.engine.reset("trip", "1", at="depot.take.1", effects="keep", who="ada", why="again")
        await mill.settle()

        assert mill.books.lines[4:] == ["pay x", "take x2", "put x"]


async def test_calls_after_the_cut_have_new_ids(tmp_path: Path) -> None:
    """The epoch in a call's id grows at the cut; the undo of a call keeps the epoch in which that was made."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()
        mill.script.calls.clear()

        await mill.engine.reset("trip", "1", at="depot.take.1", who="ada", why="again")
        await mill.settle()

        ids = [(call.id.partition("/")[2], (call.undoes or "").partition("/")[2]) for call in mill.script.calls]
        assert ids[0] == ("0/0/depot.take.2~undo", "0/0/depot.take.2")
        assert ids[1] == ("0/0/safe.pay.1~undo", "0/0/safe.pay.1")
        assert [each for each, _ in ids[2:]] == ["0/1/safe.pay.1", "0/1/depot.take.2", "0/1/depot.put.1"]


async def test_an_effect_of_before_the_cut_is_undone_under_its_own_id(tmp_path: Path) -> None:
    """A saga that fails after a reset undoes what it did before under the ids of the epoch before."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()
        mill.script.on("pay", always=not_done)
        await mill.engine.reset("trip", "1", at="depot.take.1", who="ada", why="again")
        await mill.settle()
        await mill.reopen()
        mill.script.calls.clear()

        await mill.engine.cancel("trip", "1", who="ada")
        await mill.spend(HOUR)

        assert await mill.status(trip, "1") is RunStatus.CANCELLED
        undone = [call.undoes.partition("/")[2] for call in mill.script.calls if call.undoes]
        assert undone == ["0/1/safe.pay.1", "0/0/depot.take.1"]
        assert mill.books.lines[-2:] == ["refund x", "give back x1"]


async def test_a_failed_run_is_reset_to_before_what_was_undone(tmp_path: Path) -> None:
    """What was undone cannot be kept: the cut is refused there, and possible at the start."""
    async with Mill(tmp_path, failing) as mill:
        await mill.host.start(failing, "x", id="1")
        await mill.settle()

        with pytest.raises(ResetRefused, match=r"depot\.take\.1 was called before .* and has been undone since"):
            await mill.engine.reset("failing", "1", at="depot.take.1", who="ada", why="again")
        await mill.engine.reset("failing", "1", at="start", who="ada", why="again")
        await mill.settle()

        assert mill.books.lines == ["take x", "pay x", "refund x", "give back x"] * 2
        assert (await mill.story(failing, "1")).view.status is RunStatus.FAILED


async def test_a_blocked_run_goes_on_before_what_blocks_it(tmp_path: Path) -> None:
    """A run whose code has changed is cut before the change, and takes the new way."""
    async with Mill(tmp_path, trip) as mill:
        mill.script.on("take", through, Gate())
        await mill.host.start(trip, "x", id="1")
        await mill.settle()
        await mill.reopen(mended)
        blocked = await mill.status(trip, "1")

        await mill.engine.reset("trip", "1", at="safe.pay.1", who="ada", why="new code")
        await mill.settle()

        assert blocked is RunStatus.BLOCKED
        assert await mill.host.find(mended, "1").result() == "mended x"
        assert mill.books.lines == ["take x1", "pay x", "give back x2", "offer x"]


async def test_a_late_reply_of_the_old_epoch_is_told_nobody(tmp_path: Path) -> None:
    """An attempt under way may end: its outcome does not enter the new epoch, and its undo waits for it."""
    async with Mill(tmp_path, trip) as mill:
        gate = Gate()
        mill.script.on("pay", gate)
        run = await mill.host.start(trip, "x", id="1")
        await mill.settle()

        await mill.engine.reset("trip", "1", at="depot.take.1", who="ada", why="again")
        gate.open()
        await mill.spend(SECOND)

        assert await run.result() == "x"
        assert [call.id.rpartition("/0/")[2] for call in mill.script.sent("refund")] == ["safe.pay.1~undo"]
        assert mill.script.sent("pay")[-1].id.endswith("/0/1/safe.pay.1")
        outcomes = [row.path for row in (await mill.story(trip, "1")).rows if row.outcome.startswith("replied")]
        assert outcomes.count("safe.pay.1") == 1


async def test_undos_of_a_reset_are_retried_and_need_attention(tmp_path: Path) -> None:
    """An undo that fails is tried again; after the threshold the run needs attention; the run waits for it."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        mill.script.on("give_back", always=not_done)
        await mill.engine.reset("trip", "1", at="safe.pay.1", who="ada", why="again")
        await mill.spend(HOUR)
        await mill.reopen()
        await mill.spend(HOUR)
        status, lines = await mill.status(trip, "1"), list(mill.books.lines)

        await mill.engine.skip("trip", "1", who="ada", why="given back by hand")
        await mill.spend(SECOND)

        assert status is RunStatus.NEEDS_ATTENTION
        assert lines == ["take x1", "pay x", "take x2", "put x"]
        assert mill.books.lines[4:] == ["take x2", "put x"]


async def test_what_is_irreversible_is_kept_or_the_reset_refused(tmp_path: Path) -> None:
    """What cannot be undone is not undone in silence: the operator must say that it stays."""
    async with Mill(tmp_path, parallel) as mill:
        run = await mill.host.start(parallel, "x", id="1")
        await run.result()

        with pytest.raises(ResetRefused, match=r"depot\.ship was called after the cut and cannot be undone"):
            await mill.engine.reset("parallel", "1", at="start", who="ada", why="again")
        await mill.engine.reset("parallel", "1", at="start", effects="keep", who="ada", why="again")

        assert await run.result() == "x"
        assert mill.books_by_line["ship x"] == 2


async def test_a_cut_where_a_call_was_under_way_is_refused(tmp_path: Path) -> None:
    """Between the calls of a gather there is no cut; after the last of them there is."""
    async with Mill(tmp_path, parallel) as mill:
        await (await mill.host.start(parallel, "x", id="1")).result()
        paths = [row.path for row in (await mill.story(parallel, "1")).rows if row.path][:2]

        with pytest.raises(ResetRefused, match="had no outcome yet") as caught:
            await mill.engine.reset("parallel", "1", at=paths[0], effects="keep", who="ada", why="again")
        await mill.engine.reset("parallel", "1", at=paths[1], effects="keep", who="ada", why="again")

        assert paths[1] in caught.value.advice
        assert (await mill.story(parallel, "1")).view.status is not RunStatus.COMPLETED


@pytest.mark.parametrize(
    ("step", "words"),
    [("safe.pay.7", "no step safe.pay.7"), ("99", "entry 99"), ("depot.take", "more than once"), ("", "no step")],
)
async def test_an_unknown_step_is_refused_with_those_that_there_are(tmp_path: Path, step: str, words: str) -> None:
    """A refused reset names what can be named, and leaves the run as it is."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()

        with pytest.raises(ResetRefused, match=words):
            await mill.engine.reset("trip", "1", at=step, who="ada", why="again")
        with pytest.raises(InputInvalid, match="a reset needs a reason"):
            await mill.engine.reset("trip", "1", at="start", who="ada", why=" ")

        assert await mill.status(trip, "1") is RunStatus.COMPLETED


async def test_code_that_does_not_come_as_far_as_the_cut_is_refused(tmp_path: Path) -> None:
    """A cut behind a change of the code is refused with the divergence, and the run stays blocked as it was."""

    @workflow(name="trip")
    async def other(key: str, *, safe: Safe) -> str:
        await safe.pay(key)
        return key

    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        await mill.reopen(other)

        with pytest.raises(ResetRefused, match="today's code does not come as far as the cut: WEFT-E204"):
            await mill.engine.reset("trip", "1", at="safe.pay.1", who="ada", why="again")

        assert await mill.status(trip, "1") is RunStatus.COMPLETED


async def test_messages_after_the_cut_are_told_again(tmp_path: Path) -> None:
    """No message is lost: those that came after the cut are told to the new epoch, in their order."""
    async with Mill(tmp_path, listening) as mill:
        run = await mill.host.start(listening, "x", id="1")
        await run.send(Word("a"))
        await mill.settle()

        await mill.engine.reset("listening", "1", at="depot.put.1", who="ada", why="again")
        await mill.settle()
        await run.send(Word("b"))

        assert await run.result() == "a b"
        assert mill.books.lines == ["put x", "put a", "put a"]


async def test_state_is_what_it_was_at_the_cut(tmp_path: Path) -> None:
    """What was shown after the cut is shown no more; what was shown before it is shown again."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        gate = Gate()
        mill.script.on("give_back", gate)
        shown = await mill.engine.read("trip", "1", "stage")

        await mill.engine.reset("trip", "1", at="depot.take.1", who="ada", why="again")
        before = await mill.engine.read("trip", "1", "stage")
        await mill.engine.reset("trip", "1", at="start", who="ada", why="again")

        assert (shown, before, await mill.engine.read("trip", "1", "stage")) == (b'"paid"', b'"begun"', None)


async def test_chance_depends_on_the_epoch(tmp_path: Path) -> None:
    """What was drawn before the cut stays, what is drawn after it is drawn anew, and alike in every replay."""
    async with Mill(tmp_path, lucky) as mill:
        run = await mill.host.start(lucky, "x", id="1")
        first = await run.result()
        mill.die_at = mill.commits + 2

        await mill.engine.reset("lucky", "1", at="depot.put.1", who="ada", why="again")
        await mill.reopen()
        again = await mill.host.find(lucky, "1").result()

        assert again.partition(" | ")[0] == first.partition(" | ")[0]
        assert set(again.partition(" | ")[2].split()).isdisjoint(first.partition(" | ")[2].split())


async def test_a_run_is_reset_again_and_again(tmp_path: Path) -> None:
    """A second reset to the same step, or to an earlier one, takes back what the first one did."""
    async with Mill(tmp_path, trip) as mill:
        run = await mill.host.start(trip, "x", id="1")
        await run.result()

        for step in ("safe.pay.1", "safe.pay.1", "depot.take.1"):
            await mill.engine.reset("trip", "1", at=step, who="ada", why="again")
            await mill.settle()
            assert await mill.status(trip, "1") is RunStatus.COMPLETED

        books = mill.books_by_line
        assert (books["take x1"], books["pay x"], books["take x2"]) == (1, 2, 4)
        assert (books["give back x2"], books["refund x"]) == (3, 1)
        assert mill.script.calls[-1].id.partition("/")[2] == "0/3/depot.put.1"


async def test_the_old_epoch_is_kept_as_history(tmp_path: Path) -> None:
    """Each epoch can be shown as it stood when it ended; the reset is on record with who and why."""
    async with Mill(tmp_path, trip) as mill:
        await (await mill.host.start(trip, "x", id="1")).result()
        old = await mill.story(trip, "1")
        await mill.reopen(mended)

        await mill.engine.reset("trip", "1", at="safe.pay.1", who="ada", why="wrong parcel")
        await mill.settle()

        new = await mill.story(trip, "1")
        assert (await mill.engine.show("trip", "1", epoch=0)).rows == old.rows
        assert "reset after safe.pay.1 to epoch 1: wrong parcel (by ada)" in [row.what for row in new.rows]
        assert "depot.take.2" not in [row.path for row in new.rows]
