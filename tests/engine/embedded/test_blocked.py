"""Blocked runs: what blocks them, that nothing is lost, that others go on, and how they come back."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.engine.embedded.mill import HOUR, SECOND, Depot, Gate, Mill, Safe
from weft.engine.execution.entries import Started, decode_entry, encode_entry
from weft.errors import EntryCorrupt, LimitExceeded
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.model.message import Signal
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Go(Signal):
    """Go on."""

    key: str


@workflow(name="steps")
async def as_it_was(key: str, *, depot: Depot, safe: Safe) -> str:
    """Take, hear a word, and put what it says."""
    async with saga():
        await depot.take(key)
        word = await receive(Go)
        await depot.put(word.key)
        await safe.pay(key)
    return word.key


@workflow(name="steps")
async def as_it_is(key: str, *, depot: Depot, safe: Safe) -> str:
    """Pay first, which the journal does not know."""
    async with saga():
        await safe.pay(key)
        await depot.take(key)
        word = await receive(Go)
    return word.key


@workflow
async def other(key: str, *, depot: Depot) -> str:
    """Do something else."""
    return await depot.put(key)


@workflow
async def spin(key: str, *, depot: Depot) -> None:
    """Never come to rest once a call has ended."""
    await depot.take(key)
    while True:  # noqa: ASYNC110 - the mistake that is tested
        await asyncio.sleep(0)


@workflow
async def chatter(count: int, *, depot: Depot) -> int:
    """Make many calls one after the other."""
    for _ in range(count):
        await depot.put("x")
    return count


@workflow
async def pair(key: str, *, depot: Depot) -> str:
    """Put something while hearing two words."""
    putting = asyncio.create_task(depot.put(key))
    words = [await receive(Go), await receive(Go)]
    return await putting + "".join(word.key for word in words)


async def blocked_by_new_code(mill: Mill) -> None:
    """Start a run, and open the store with code that does not do what its journal says."""
    await mill.host.start(as_it_was, "x", id="1")
    await mill.settle()
    await mill.reopen(as_it_is, other)
    await mill.engine.retry("steps", "1", who="ada")  # a run that waits for a word is not looked at before


def change(mill: Mill, sql: str, *values: object) -> None:
    """Change the store behind everybody's back."""
    with closing(sqlite3.connect(mill.path, isolation_level=None)) as connection:
        assert connection.execute(sql, values).rowcount == 1


async def test_a_workflow_that_changed_is_blocked_naming_both_lines(tmp_path: Path) -> None:
    """The reason says which entry, what was recorded, what the code does now, and where both stand."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await blocked_by_new_code(mill)

        view = (await mill.story(as_it_was, "1")).view
        assert view.status is RunStatus.BLOCKED
        assert (
            "after entry 0 (Started) the journal has call depot.take.1, today's code has call safe.pay.1" in view.reason
        )
        assert view.reason.count("test_blocked.py:") == 2
        assert mill.books.lines == ["take x"]


async def test_others_go_on_beside_a_blocked_run(tmp_path: Path) -> None:
    """One run that cannot go on keeps nobody from anything."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await blocked_by_new_code(mill)

        run = await mill.host.start(other, "y", id="2")

        assert await run.result() == "y"


async def test_a_blocked_run_takes_messages_and_goes_on_once_the_code_is_mended(tmp_path: Path) -> None:
    """What is sent meanwhile is told, in order and once, when the run can be told again."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await blocked_by_new_code(mill)
        for _ in range(2):
            await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}', message_id="m")
        await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"z"}')

        await mill.reopen(as_it_was, other)
        run = mill.host.find(as_it_was, "1")

        assert await run.result() == "y"
        assert mill.books.lines == ["take x", "put y", "pay x"]
        assert await mill.status(as_it_was, "1") is RunStatus.COMPLETED


async def test_a_cancellation_of_a_blocked_run_waits_with_it(tmp_path: Path) -> None:
    """A cancelled run that is blocked is undone once it can go on."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await blocked_by_new_code(mill)

        await mill.engine.cancel("steps", "1", who="ada")
        await mill.reopen(as_it_was, other)
        await mill.settle()

        assert await mill.status(as_it_was, "1") is RunStatus.CANCELLED
        assert mill.books.lines == ["take x", "give back x"]


async def test_retry_looks_again_at_a_blocked_run(tmp_path: Path) -> None:
    """`retry` replays it at once; with the same code it is blocked as before, and has forgotten nothing."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await blocked_by_new_code(mill)

        await asyncio.gather(
            mill.engine.retry("steps", "1", who="ada"),
            mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}'),
        )
        await mill.settle()
        before = await mill.status(as_it_was, "1")
        await mill.reopen(as_it_was, other)

        assert before is RunStatus.BLOCKED
        assert await mill.host.find(as_it_was, "1").result() == "y"


async def test_a_workflow_that_was_removed_leaves_its_runs_blocked(tmp_path: Path) -> None:
    """Runs whose workflow is gone wait until it is there again."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await mill.host.start(as_it_was, "x", id="1")
        await mill.settle()
        await mill.reopen(other)

        await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}')
        view = (await mill.story(as_it_was, "1")).view
        await mill.reopen(as_it_was, other)

        assert (view.status, "no workflow 'steps' any more" in view.reason) == (RunStatus.BLOCKED, True)
        assert await mill.host.find(as_it_was, "1").result() == "y"


@pytest.mark.parametrize("damage", ["entry = x'c1'", "commands = x'c1'", "seq = 7"])
async def test_a_corrupt_row_blocks_its_run_and_no_other(tmp_path: Path, damage: str) -> None:
    """A journal that cannot be read blocks its run with E208, and the others go on."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await mill.host.start(as_it_was, "x", id="1")
        await mill.settle()
        await mill.kill()
        change(mill, f"UPDATE journal SET {damage} WHERE run = 1 AND seq = 1")

        await mill.open()
        await mill.engine.retry("steps", "1", who="ada")
        run = await mill.host.start(other, "y", id="2")

        view = (await mill.engine.list(workflow="steps"))[0]
        assert await run.result() == "y"
        assert (view.status, "WEFT-E208" in view.reason) == (RunStatus.BLOCKED, True)


async def test_a_run_whose_journal_is_whole_again_goes_on(tmp_path: Path) -> None:
    """Nothing is written behind a journal that cannot be read; restored, it goes on from there."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await mill.host.start(as_it_was, "x", id="1")
        await mill.settle()
        await mill.kill()
        change(mill, "UPDATE journal SET seq = 7 WHERE run = 1 AND seq = 1")
        await mill.open()
        with pytest.raises(EntryCorrupt):
            await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}')
        change(mill, "UPDATE journal SET seq = 1 WHERE run = 1 AND seq = 7")

        await mill.engine.retry("steps", "1", who="ada")
        await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}')

        assert await mill.host.find(as_it_was, "1").result() == "y"


async def test_a_run_that_cannot_be_read_may_be_terminated(tmp_path: Path) -> None:
    """What cannot be mended can be ended."""
    async with Mill(tmp_path, as_it_was, other) as mill:
        await mill.host.start(as_it_was, "x", id="1")
        await mill.settle()
        await mill.kill()
        change(mill, "DELETE FROM journal WHERE run = 1 AND seq = 0")
        await mill.open()

        await mill.engine.terminate("steps", "1", who="ada", why="lost")

        assert [view.status for view in await mill.engine.list()] == [RunStatus.TERMINATED]


async def test_a_step_that_never_ends_is_blocked_with_its_line(tmp_path: Path) -> None:
    """A loop that awaits nothing durable is stopped, named, and stands until its code is mended."""
    async with Mill(tmp_path, spin, other) as mill:
        await mill.host.start(spin, "x", id="1")
        run = await mill.host.start(other, "y", id="2")
        await mill.settle()

        view = (await mill.story(spin, "1")).view
        assert await run.result() == "y"
        assert view.status is RunStatus.BLOCKED
        assert "WEFT-E205" in view.reason
        assert "test_blocked.py:" in view.reason


async def test_the_reply_that_blocked_a_run_is_not_asked_for_again(tmp_path: Path) -> None:
    """An outcome that came while the run could not be told is told later, and the call is not made again."""
    async with Mill(tmp_path, spin) as mill:
        await mill.host.start(spin, "x", id="1")
        await mill.settle()

        for _ in range(2):
            await mill.engine.retry("spin", "1", who="ada")
            await mill.reopen()
            await mill.settle()

        assert [call.operation for call in mill.script.calls] == ["take"]
        assert await mill.status(spin, "1") is RunStatus.BLOCKED


async def test_a_journal_has_a_limit(tmp_path: Path) -> None:
    """A run that has filled its journal is blocked, takes no message more, and goes on under a higher limit."""
    async with Mill(tmp_path, chatter, limits=Limits(journal_entries=20)) as mill:
        await mill.host.start(chatter, 30, id="1")
        await mill.settle()
        view = (await mill.story(chatter, "1")).view
        with pytest.raises(LimitExceeded):
            await mill.engine.send("chatter", "1", kind="Go", data=b'{"key":"y"}')

        mill._limits = Limits()
        await mill.reopen()

        assert (view.status, "20 entries, its limit" in view.reason) == (RunStatus.BLOCKED, True)
        assert await mill.host.find(chatter, "1").result() == 30
        assert mill.books.lines == ["put x"] * 30


async def test_an_attempt_under_way_may_end_while_its_run_is_blocked(tmp_path: Path) -> None:
    """Blocking cuts no call short: its outcome is written down and told once the run goes on."""
    async with Mill(tmp_path, pair, limits=Limits(journal_entries=2)) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        await mill.host.start(pair, "x", id="1")
        await mill.engine.send("pair", "1", kind="Go", data=b'{"key":"a"}')
        await mill.engine.send("pair", "1", kind="Go", data=b'{"key":"b"}')
        blocked = await mill.status(pair, "1")
        gate.open()
        await mill.spend(SECOND)

        mill._limits = Limits()
        await mill.reopen()
        await mill.settle()

        assert blocked is RunStatus.BLOCKED
        assert await mill.host.find(pair, "1").result() == "xab"
        assert [call.operation for call in mill.script.calls] == ["put"]


async def test_another_minor_version_of_python_warns_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Runs that began under another Python go on, and the log says so once for all of them."""
    async with Mill(tmp_path, as_it_was) as mill:
        for number in range(3):
            await mill.host.start(as_it_was, "x", id=str(number))
        await mill.settle()
        await mill.kill()
        for key in (1, 2, 3):
            _pretend_python(mill, key)
        caplog.clear()

        with caplog.at_level(logging.WARNING, logger="weft.engine"):
            await mill.open()
            for number in range(3):
                await mill.engine.send("steps", str(number), kind="Go", data=b'{"key":"y"}')
        await mill.spend(HOUR)

        warnings = [record.getMessage() for record in caplog.records if "Python 2.7" in record.getMessage()]
        assert len(warnings) == 1
        assert await mill.status(as_it_was, "2") is RunStatus.COMPLETED


async def test_a_journal_of_a_newer_protocol_is_blocked(tmp_path: Path) -> None:
    """A run that a newer weft has begun waits for that version."""
    async with Mill(tmp_path, as_it_was) as mill:
        await mill.host.start(as_it_was, "x", id="1")
        await mill.settle()
        await mill.kill()
        _restart_with(mill, 1, protocol=99)

        await mill.open()
        await mill.engine.send("steps", "1", kind="Go", data=b'{"key":"y"}')

        view = (await mill.story(as_it_was, "1")).view
        assert (view.status, "WEFT-E207" in view.reason) == (RunStatus.BLOCKED, True)


def _pretend_python(mill: Mill, key: int) -> None:
    _restart_with(mill, key, python="2.7")


def _restart_with(mill: Mill, key: int, **fields: object) -> None:
    """Write the first entry of a run again, with other fields."""
    with closing(sqlite3.connect(mill.path, isolation_level=None)) as connection:
        data = connection.execute("SELECT entry FROM journal WHERE run = ? AND seq = 0", (key,)).fetchone()[0]
        entry = decode_entry(data)
        assert isinstance(entry, Started)
        changed = encode_entry(msgspec.structs.replace(entry, **fields))
        connection.execute("UPDATE journal SET entry = ? WHERE run = ? AND seq = 0", (changed, key))
