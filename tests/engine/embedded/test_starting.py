"""Starting runs and hearing of their ends: ids, inputs, results, errors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Gate, Mill
from weft.errors import (
    InputInvalid,
    LimitExceeded,
    RunCancelled,
    RunExists,
    RunFailed,
    RunNotFound,
    RunTerminated,
    StoreFailed,
)
from weft.flow.chance import uuid4
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def fetch(key: str, *, depot: Depot) -> str:
    """Put something."""
    return await depot.put(key)


@workflow
async def fail(key: str, *, depot: Depot) -> str:
    """Fail after a call."""
    await depot.put(key)
    raise LookupError("no such luck")


@workflow
async def swell(size: int) -> str:
    """Return a text of a size."""
    return "x" * size


@workflow
async def overload(size: int, *, depot: Depot) -> str:
    """Call with an argument of a size, and tell what that was worth."""
    try:
        return await depot.put("x" * size)
    except LimitExceeded as error:
        return str(error.data["name"])


@workflow
async def mint(_: int) -> str:
    """Return something random."""
    return str(uuid4())


async def test_the_same_id_and_input_find_the_run(tmp_path: Path) -> None:
    """Starting a run again is harmless while it runs, after it ended, and after a crash."""
    async with Mill(tmp_path, fetch) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        await mill.host.start(fetch, "a", id="1")
        await mill.host.start(fetch, "a", id="1")
        gate.open()
        await mill.settle()

        await mill.host.start(fetch, "a", id="1")
        await mill.reopen()
        run = await mill.host.start(fetch, "a", id="1")

        assert await run.result() == "a"
        assert mill.books.lines == ["put a"]


async def test_the_same_id_with_another_input_is_refused(tmp_path: Path) -> None:
    """An id names one piece of work, also after it has ended."""
    async with Mill(tmp_path, fetch) as mill:
        mill.script.on("put", Gate())
        await mill.host.start(fetch, "a", id="1")

        with pytest.raises(RunExists):
            await mill.host.start(fetch, "b", id="1")
        await mill.reopen()
        with pytest.raises(RunExists):
            await mill.host.start(fetch, "b", id="1")
        await mill.settle()
        with pytest.raises(RunExists):
            await mill.host.start(fetch, "b", id="1")


async def test_starts_of_one_id_in_one_moment_make_one_run(tmp_path: Path) -> None:
    """Many who start one id at once get one run, and one commit carries it."""
    async with Mill(tmp_path, fetch) as mill:
        runs = await asyncio.gather(*(mill.host.start(fetch, "a", id="1") for _ in range(50)))
        await mill.settle()

        assert {await run.result() for run in runs} == {"a"}
        assert mill.books.lines == ["put a"]
        assert len(await mill.engine.list()) == 1


async def test_of_two_inputs_in_one_moment_one_wins(tmp_path: Path) -> None:
    """A conflict in one batch is told to the one who came second, and costs nobody else anything."""
    async with Mill(tmp_path, fetch) as mill:
        ends = await asyncio.gather(
            mill.host.start(fetch, "a", id="1"),
            mill.host.start(fetch, "b", id="1"),
            mill.host.start(fetch, "c", id="2"),
            return_exceptions=True,
        )
        await mill.settle()

        assert [isinstance(end, RunExists) for end in ends] == [False, True, False]
        assert sorted(mill.books.lines) == ["put a", "put c"]


async def test_an_id_is_unique_within_its_workflow(tmp_path: Path) -> None:
    """Two workflows may each have a run of one id."""
    async with Mill(tmp_path, fetch, fail) as mill:
        first = await mill.host.start(fetch, "a", id="1")
        await mill.host.start(fail, "a", id="1")

        await mill.settle()

        assert await first.result() == "a"
        assert await mill.status(fail, "1") is RunStatus.FAILED


async def test_a_start_has_returned_only_once_it_is_on_disk(tmp_path: Path) -> None:
    """A crash right after `start` has returned loses nothing."""
    async with Mill(tmp_path, fetch) as mill:
        await mill.host.start(fetch, "a", id="1")
        await mill.reopen()
        await mill.settle()

        assert await mill.host.find(fetch, "1").result() == "a"


async def test_a_start_that_did_not_reach_the_disk_never_was(tmp_path: Path) -> None:
    """Whoever was not answered starts again, and finds the run or makes it."""
    async with Mill(tmp_path, mint) as mill:
        mill.die_at = 1
        with pytest.raises(StoreFailed):
            await mill.host.start(mint, 1, id="1")
        await mill.reopen()

        run = await mill.host.start(mint, 1, id="1")

        assert await run.result() == await mill.host.find(mint, "1").result()


async def test_failures_are_told_with_their_kind_from_memory_and_from_disk(tmp_path: Path) -> None:
    """Who waits for a run that fails hears which exception it was, with its text and its line."""
    async with Mill(tmp_path, fail) as mill:
        run = await mill.host.start(fail, "a", id="1")

        with pytest.raises(RunFailed, match="LookupError: no such luck") as live:
            await run.result()
        await mill.reopen()
        with pytest.raises(RunFailed) as stored:
            await mill.host.find(fail, "1").result()

        assert live.value.kind == stored.value.kind == "LookupError"
        assert live.value.what == stored.value.what
        assert "test_starting.py:" in stored.value.what


async def test_each_way_to_end_has_its_error(tmp_path: Path) -> None:
    """Cancelled and terminated are told apart from failed."""
    async with Mill(tmp_path, fetch) as mill:
        mill.script.on("put", always=Gate())
        cancelled = await mill.host.start(fetch, "a", id="1")
        terminated = await mill.host.start(fetch, "a", id="2")
        waiting = asyncio.gather(cancelled.result(), terminated.result(), return_exceptions=True)

        await cancelled.cancel("no need")
        await mill.engine.terminate("fetch", "2", who="ada", why="no time")
        await mill.reopen()
        await mill.spend(HOUR)

        assert [type(end) for end in await waiting] == [StoreFailed, RunTerminated]
        with pytest.raises(RunTerminated):
            await mill.host.find(fetch, "2").result()
        assert await mill.status(fetch, "1") is RunStatus.CANCELLED
        with pytest.raises(RunCancelled):
            await mill.host.find(fetch, "1").result()


async def test_a_run_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    """Every question about an unknown run has the same answer."""
    async with Mill(tmp_path, fetch) as mill:
        run = mill.host.find(fetch, "nobody")

        for question in (run.result(), run.cancel(), mill.engine.retry("fetch", "nobody", who="ada")):
            with pytest.raises(RunNotFound):
                await question


async def test_what_is_over_the_limit_is_refused_where_it_arises(tmp_path: Path) -> None:
    """An input is refused to the caller, an argument inside the run, a result fails the run: with one code."""
    async with Mill(tmp_path, swell, overload, fetch, limits=Limits(payload_bytes=1_000)) as mill:
        with pytest.raises(LimitExceeded, match="1,003 bytes"):
            await mill.host.start(fetch, "x" * 1_001, id="1")
        await mill.host.start(swell, 2_000, id="1")
        run = await mill.host.start(overload, 2_000, id="1")
        await mill.settle()

        view = (await mill.story(swell, "1")).view
        assert (view.status, view.reason.partition(":")[0]) == (RunStatus.FAILED, "LimitExceeded")
        assert await run.result() == "payload_bytes"


@pytest.mark.parametrize("name", ["", "x" * 1_001])
async def test_an_id_has_a_length(tmp_path: Path, name: str) -> None:
    """No id and one that is too long are refused."""
    async with Mill(tmp_path, fetch) as mill:
        with pytest.raises(LimitExceeded, match="1 to 1,000 characters"):
            await mill.host.start(fetch, "a", id=name)


async def test_an_id_that_no_encoding_takes_harms_nobody(tmp_path: Path) -> None:
    """Half a character in an id is refused to the caller, and does not stop the engine."""
    async with Mill(tmp_path, fetch) as mill:
        with pytest.raises(InputInvalid):
            await mill.host.start(fetch, "a", id="o-\ud800")

        run = await mill.host.start(fetch, "a", id="o-1")

        assert await run.result() == "a"


async def test_a_reason_that_no_encoding_takes_harms_nobody(tmp_path: Path) -> None:
    """What cannot be written is refused before the run is told: its journal stays whole."""
    async with Mill(tmp_path, fetch) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        run = await mill.host.start(fetch, "a", id="1")

        with pytest.raises(UnicodeEncodeError):
            await run.cancel("no \ud800")
        gate.open()

        assert await run.result() == "a"


async def test_ids_of_calls_do_not_change_when_a_run_is_made_again(tmp_path: Path) -> None:
    """Chain, generation and epoch are the run's, however often it is replayed."""
    async with Mill(tmp_path, fetch) as mill:
        mill.script.on("put", Gate(), Gate())
        await mill.host.start(fetch, "a", id="1")
        for _ in range(3):
            await mill.settle()
            await mill.reopen()
        await mill.settle()

        ids = {call.id for call in mill.script.calls}
        assert len(ids) == 1
        assert ids.pop().endswith("/0/0/depot.put.1")
        assert mill.script.twice == []
