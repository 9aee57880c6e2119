"""An engine that cannot write, cannot open, or is closed: everybody hears of it, nothing hangs, nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Gate, Mill, not_done
from weft.engine.embedded import schema
from weft.errors import StoreFailed, StoreNewer, StoreOfOtherSystem, StoreOwned
from weft.flow.messages import receive
from weft.model.message import Signal
from weft.model.workflow import workflow


class Word(Signal):
    """Something said."""

    text: str


@workflow
async def keep(text: str, *, depot: Depot) -> str:
    """Put something large three times."""
    for _ in range(3):
        await depot.put(text)
    return text[:1]


@workflow
async def wait(key: str, *, depot: Depot) -> str:
    """Put something, and wait for a word."""
    await depot.put(key)
    return (await receive(Word)).text


def fill(mill: Mill) -> None:
    """Give the store no page more, and start runs until one does not fit."""
    writing = mill.engine._open_store()._writer()
    pages = writing.execute("PRAGMA page_count").fetchone()[0]
    writing.execute(f"PRAGMA max_page_count = {pages + 20}")


async def test_a_full_disk_is_told_to_everybody_and_nothing_hangs(tmp_path: Path) -> None:
    """Starts, messages, results and later requests all fail with E313 when a commit finds no space."""
    async with Mill(tmp_path, keep, wait) as mill:
        run = await mill.host.start(wait, "x", id="1")
        result = asyncio.ensure_future(run.result())
        await mill.settle()
        fill(mill)

        starts = [mill.host.start(keep, "k" * 20_000, id=str(number)) for number in range(50)]
        ends = await asyncio.gather(*starts, run.send(Word("x" * 50_000)), return_exceptions=True)

        assert {type(end) for end in ends} == {StoreFailed}
        with pytest.raises(StoreFailed, match="database or disk is full"):
            await result
        for late in (run.send(Word("y")), run.result(), run.cancel(), mill.host.start(wait, "x", id="2")):
            with pytest.raises(StoreFailed):
                await late


async def test_after_a_full_disk_every_run_resumes(tmp_path: Path) -> None:
    """What had been said is on disk, what had not never was, and the runs go on once there is space."""
    async with Mill(tmp_path, keep, wait) as mill:
        for number in range(5):
            await mill.host.start(wait, str(number), id=str(number))
        await mill.settle()
        fill(mill)
        with pytest.raises(StoreFailed):
            await mill.host.start(keep, "k" * 200_000, id="big")

        await mill.reopen()
        runs = [mill.host.find(wait, str(number)) for number in range(5)]
        await asyncio.gather(*(run.send(Word("well")) for run in runs))

        assert [await run.result() for run in runs] == ["well"] * 5
        assert mill.books.lines == [f"put {number}" for number in range(5)]
        assert await (await mill.host.start(keep, "k" * 200_000, id="big")).result() == "k"


async def test_a_disk_that_fills_while_calls_are_under_way_loses_no_effect(tmp_path: Path) -> None:
    """A reply that could not be written is asked for again after the repair."""
    async with Mill(tmp_path, keep) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        await mill.host.start(keep, "k" * 20_000, id="1")
        await mill.settle()
        writing = mill.engine._open_store()._writer()
        writing.execute(f"PRAGMA max_page_count = {writing.execute('PRAGMA page_count').fetchone()[0]}")
        gate.open()
        await mill.settle()

        assert mill.engine.failed is not None
        await mill.reopen()
        assert await mill.host.find(keep, "1").result() == "k"
        assert mill.script.twice == []


async def test_a_failed_engine_closes_without_waiting(tmp_path: Path) -> None:
    """Closing an engine that has failed ends its calls and gives the store back."""
    async with Mill(tmp_path, keep) as mill:
        mill.script.on("put", Gate())
        await mill.host.start(keep, "x", id="1")
        await mill.settle()
        fill(mill)
        with pytest.raises(StoreFailed):
            await mill.host.start(keep, "k" * 200_000, id="2")

        await asyncio.wait_for(mill.close(), 5)
        await mill.open()

        assert await mill.host.find(keep, "1").result() == "x"


async def test_a_second_engine_is_told_who_owns_the_store(tmp_path: Path) -> None:
    """Two engines never work on one store; the second hears which process is the first, which goes on."""
    async with Mill(tmp_path, keep) as mill:
        second = Mill(tmp_path, keep)
        with pytest.raises(StoreOwned, match="process"):
            await second.open()

        run = await mill.host.start(keep, "x", id="1")

        assert await run.result() == "x"


async def test_a_store_of_a_newer_weft_is_left_alone(tmp_path: Path) -> None:
    """A store that a newer version wrote is not opened, and can be opened again by that version."""
    async with Mill(tmp_path, keep) as mill:
        await mill.kill()
        with closing(sqlite3.connect(mill.path)) as connection:
            connection.execute("PRAGMA user_version = 99")

        with pytest.raises(StoreNewer):
            await mill.open()
        with closing(sqlite3.connect(mill.path)) as connection:
            connection.execute(f"PRAGMA user_version = {schema.FORMAT}")
        await mill.open()

        assert await mill.engine.list() == []


async def test_a_store_belongs_to_one_system(tmp_path: Path) -> None:
    """Another System is refused, by name."""
    async with Mill(tmp_path, keep) as mill:
        await mill.kill()
        with pytest.raises(StoreOfOtherSystem, match="mill"):
            await Mill(tmp_path, keep, name="bakery").open()

        await mill.open()


async def test_an_engine_that_could_not_open_gives_the_store_back(tmp_path: Path) -> None:
    """A failure while runs are resumed leaves neither a lock nor a thread behind."""
    async with Mill(tmp_path, keep) as mill:
        await mill.kill()
        with closing(sqlite3.connect(mill.path)) as connection:
            connection.execute("ALTER TABLE runs RENAME COLUMN wake_ms TO woke_ms")
        with pytest.raises(StoreFailed):
            await mill.open()

        with closing(sqlite3.connect(mill.path)) as connection:
            connection.execute("ALTER TABLE runs RENAME COLUMN woke_ms TO wake_ms")
        await mill.open()

        assert await (await mill.host.start(keep, "x", id="1")).result() == "x"


async def test_closing_lets_calls_under_way_end(tmp_path: Path) -> None:
    """An orderly close waits for attempts, writes their outcomes down, and begins nothing new."""
    async with Mill(tmp_path, keep) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        await mill.host.start(keep, "x", id="1")
        await mill.settle()
        closing_it = asyncio.ensure_future(mill.close())
        await asyncio.sleep(0)
        gate.open()
        await closing_it

        await mill.open()

        assert await mill.host.find(keep, "1").result() == "x"
        assert [call.attempt for call in mill.script.calls] == [1, 1, 1]


async def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A call that does not end in time is ended, and made again at the next start."""
    async with Mill(tmp_path, keep) as mill:
        mill.script.on("put", Gate())
        mill.engine.drain = timedelta(milliseconds=20)
        await mill.host.start(keep, "x", id="1")
        await mill.settle()

        await asyncio.wait_for(mill.close(), 5)
        await mill.open()

        assert await mill.host.find(keep, "1").result() == "x"
        assert len({call.id for call in mill.script.calls[:2]}) == 1


async def test_what_was_asked_before_the_close_is_done(tmp_path: Path) -> None:
    """A start that was asked for in the moment of the close is answered truthfully."""
    async with Mill(tmp_path, wait) as mill:
        starting = asyncio.ensure_future(mill.host.start(wait, "x", id="1"))
        await asyncio.sleep(0)

        await mill.close()

        await starting
        await mill.open()
        assert (await mill.status(wait, "1")).is_open


async def test_who_waits_for_an_end_hears_of_the_close(tmp_path: Path) -> None:
    """Nobody waits for ever for a run of an engine that is closed, and later questions are answered at once."""
    async with Mill(tmp_path, wait) as mill:
        run = await mill.host.start(wait, "x", id="1")
        waiting = asyncio.ensure_future(run.result())
        await mill.settle()

        await mill.close()

        for question in (waiting, run.result(), run.send(Word("x")), mill.engine.list(), mill.engine.show("wait", "1")):
            with pytest.raises(StoreFailed):
                await question
        await mill.open()


async def test_a_close_between_attempts_forgets_none(tmp_path: Path) -> None:
    """A call that waits for its next attempt does not hold the close up, and is made again later."""
    async with Mill(tmp_path, wait) as mill:
        mill.script.on("put", *[not_done] * 12)
        await mill.host.start(wait, "x", id="1")
        await mill.spend(HOUR / 60)
        await mill.close()
        await mill.open()
        await mill.spend(HOUR)

        assert mill.books.lines == ["put x"]


async def test_an_exception_of_a_policy_is_one_calls_failure(tmp_path: Path) -> None:
    """Whatever a handler raises, its call has an outcome and its run goes on."""
    async with Mill(tmp_path, keep) as mill:

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        async def stray(*_: object) -> None:
            raise asyncio.CancelledError

        async def odd(*_: object) -> None:
            raise ValueError("half a character: \ud800" * 5_000)

        mill.script.on("put", broken, stray, odd)  # pyright: ignore[reportArgumentType]
        await mill.host.start(keep, "x", id="1")

        await mill.spend(HOUR)

        assert await mill.host.find(keep, "1").result() == "x"
