"""Updates on the real engine: asked from everywhere, answered once, after the commit, known again by their ids."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.market import Add, Cart, CheckOut, Close, Empty, Ignored, cart, contents, shopper
from tests.engine.embedded.mill import Gate, Mill
from weft.errors import LimitExceeded, RunClosed, RunNotFound, StoreFailed, ValueInvalid
from weft.model.policy import Limits
from weft.model.run import RunStatus


async def test_an_update_is_answered_or_refused(tmp_path: Path) -> None:
    """The asker gets the value that the run answered with, or its refusal raised, fields included."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")

        with pytest.raises(Empty) as refusal:
            await run.ask(CheckOut("me"))
        counts = await asyncio.gather(*(run.ask(Add(letter)) for letter in "abc"))

        assert (refusal.value.by, counts) == ("me", [1, 2, 3])
        assert await run.ask(CheckOut("me")) == ("a", "b", "c")


async def test_an_answer_is_on_disk_when_it_is_heard(tmp_path: Path) -> None:
    """Whatever was answered is so after a crash in that moment."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        for count, letter in enumerate("abcd", 1):
            assert await run.ask(Add(letter)) == count
            await mill.reopen()
            run = mill.host.find(cart, "ada")

        assert (await run.read(contents)).lines == ("a", "b", "c", "d")
        assert mill.books_by_line == {f"put {letter}": 1 for letter in "abcd"}


async def test_asking_again_with_the_same_id_gets_the_same_answer(tmp_path: Path) -> None:
    """In this life, after a crash, and after the run has ended; what was asked is done once."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        answers = [*await asyncio.gather(run.ask(Add("a"), id="1"), run.ask(Add("a"), id="1"))]
        answers.append(await run.ask(Add("a"), id="1"))
        with pytest.raises(Empty):
            await asyncio.gather(run.ask(CheckOut("me"), id="2"), run.ask(CheckOut("me"), id="3"))

        await mill.reopen()
        run = mill.host.find(cart, "ada")
        answers.append(await run.ask(Add("a"), id="1"))
        await run.send(Close())
        await run.result()
        answers.append(await run.ask(Add("a"), id="1"))

        assert answers == [1] * 5
        with pytest.raises(Empty):
            await run.ask(CheckOut("me"), id="3")
        assert mill.books.lines == ["put a"]


async def test_a_crash_at_any_commit_answers_once(tmp_path: Path) -> None:
    """An asker whose engine dies asks again with its id: it hears one answer, and it happened once."""
    die_at = 0
    survived = False
    while not survived:
        die_at += 1
        async with Mill(tmp_path / str(die_at), cart) as mill:
            (tmp_path / str(die_at)).mkdir(exist_ok=True)
            run = await mill.host.start(cart, Cart(), id="ada")
            mill.die_at = mill.commits + die_at
            try:
                answer = await run.ask(Add("a"), id="1")
                survived = True
            except StoreFailed:
                await mill.reopen()
                answer = await mill.host.find(cart, "ada").ask(Add("a"), id="1")
            await mill.settle()

            assert answer == 1
            assert (await mill.host.find(cart, "ada").read(contents)).lines == ("a",)
    assert die_at >= 3


async def test_a_workflow_asks_durably(tmp_path: Path) -> None:
    """A run asks another one by calls of its own: each once, over crashes at every commit."""
    for die_at in range(1, 12):
        folder = tmp_path / str(die_at)
        folder.mkdir()
        async with Mill(folder, cart, shopper) as mill:
            await mill.host.start(cart, Cart(), id="ada")
            mill.die_at = mill.commits + die_at
            try:
                await (await mill.host.start(shopper, "tea", id="1")).result()
            except StoreFailed:
                await mill.reopen()
                await mill.host.start(shopper, "tea", id="1")

            assert await mill.host.find(shopper, "1").result() == "1 ('tea',) again"
            assert mill.books.lines.count("put tea") in {1, 2}


async def test_an_update_to_nobody_is_refused(tmp_path: Path) -> None:
    """Unknown runs, and ones that have ended, take no updates."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await run.send(Close())
        await run.result()

        with pytest.raises(RunClosed):
            await run.ask(Add("a"))
        with pytest.raises(RunNotFound):
            await mill.host.find(cart, "bob").ask(Add("a"))


async def test_the_end_of_the_run_ends_the_wait_for_an_answer(tmp_path: Path) -> None:
    """Who waits for an answer that will never come is told so, in this life and when asking again."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        asking = [asyncio.ensure_future(run.ask(Ignored(), id=each)) for each in "12"]
        await mill.settle()
        await run.send(Close())

        ends = await asyncio.gather(*asking, return_exceptions=True)

        assert [type(end) for end in ends] == [RunClosed, RunClosed]
        with pytest.raises(RunClosed):
            await run.ask(Ignored(), id="1")


async def test_a_termination_ends_the_wait_for_an_answer(tmp_path: Path) -> None:
    """An operator who ends the run leaves nobody waiting."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        mill.script.on("put", Gate())
        asking = asyncio.ensure_future(run.ask(Add("a")))
        await mill.settle()

        await mill.engine.terminate("cart", "ada", who="op", why="test")

        with pytest.raises(RunClosed):
            await asking


async def test_an_update_that_does_not_parse_is_not_accepted(tmp_path: Path) -> None:
    """Bytes that are no such update never reach the run; neither does one over the limit."""
    async with Mill(tmp_path, cart, limits=Limits(payload_bytes=100)) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")

        with pytest.raises(ValueInvalid):
            await mill.engine.ask("cart", "ada", kind="Add", data=b'{"line":3}')
        with pytest.raises(LimitExceeded):
            await run.ask(Add("x" * 200))

        assert [row.kind for row in (await mill.story(cart, "ada")).rows] == ["start", "state"]
        assert await run.ask(Add("a")) == 1


async def test_an_asker_who_gives_up_leaves_nothing_behind(tmp_path: Path) -> None:
    """A cancelled wait neither takes the update back nor keeps the engine from being quiet."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        gate = Gate()
        mill.script.on("put", gate)
        asking = asyncio.ensure_future(run.ask(Add("a"), id="1"))
        await mill.settle()
        asking.cancel()
        await asyncio.wait({asking})
        gate.open()
        await mill.settle()

        assert mill.engine.is_quiet()
        assert await run.ask(Add("a"), id="1") == 1


async def test_answers_are_in_the_story(tmp_path: Path) -> None:
    """The timeline tells what was asked, and what was answered."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await run.ask(Add("a"))
        await run.ask(CheckOut("me"))
        with pytest.raises(Empty):
            await run.ask(CheckOut("you"))

        rows = [(row.what, row.outcome) for row in (await mill.story(cart, "ada")).rows if row.kind == "answer"]

        assert rows == [("1", "answered"), ('["a"]', "answered"), ('Empty {"by":"you"}', "refused")]
        assert await mill.status(cart, "ada") is RunStatus.WAITING
