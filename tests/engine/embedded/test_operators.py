"""What people ask of runs from another process, while an engine works and while none does."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Depot, Gate, Mill, not_done, request_lost
from weft.engine.embedded.refusals import refusal_of
from weft.engine.embedded.requests import Request, append_request
from weft.engine.embedded.schedules.acts import RANGE, Range
from weft.errors import NotDone, RunTerminated
from weft.flow.messages import receive
from weft.model.message import Signal
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.schedule import Schedule
from weft.model.timing import every
from weft.model.workflow import workflow

ASK = """
import sys
from pathlib import Path
from weft.engine.embedded.requests import Request, append_request
path, run_id, kind, body = sys.argv[1:]
append_request(Path(path), Request("hear", run_id, kind, body.encode(), "ada", "because", 1_700_000_000_000))
"""


class Word(Signal):
    """Something said."""

    text: str


@workflow
async def hear(key: str, *, depot: Depot) -> str:
    """Put something if that can be done, and hear two words."""
    try:
        key = await depot.put(key)
    except NotDone as error:
        key = error.reason
    return f"{key} {(await receive(Word)).text} {(await receive(Word)).text}"


@workflow
async def hear_of_parcel(key: str, *, depot: Depot) -> str:
    """Ship something."""
    return await depot.ship(key)


async def ask(mill: Mill, kind: str, body: str = "", *, run_id: str = "1") -> None:
    """Ask something of a run from a process of its own."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", ASK, str(mill.path), run_id, kind, body)
    assert await child.wait() == 0


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so; the engine looks for requests in real time."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_signals_of_another_process_are_told_in_order(tmp_path: Path) -> None:
    """A signal appended beside a running engine reaches its run."""
    async with Mill(tmp_path, hear) as mill:
        run = await mill.host.start(hear, "x", id="1")

        await ask(mill, "signal", 'Word\n{"text":"a"}')
        await ask(mill, "signal", 'Word\n{"text":"b"}')

        assert await asyncio.wait_for(run.result(), 10) == "x a b"


async def test_a_signal_is_told_once_though_the_engine_dies_over_it(tmp_path: Path) -> None:
    """A request is an entry or it is not: a crash between loses none and doubles none."""
    async with Mill(tmp_path, hear) as mill:
        await mill.host.start(hear, "x", id="1")
        await mill.settle()
        for offset in (1, 2, 3):
            mill.die_at = mill.commits + offset
            await ask(mill, "signal", f'Word\n{{"text":"{offset}"}}')
            if offset == 1:
                await mill.dead.wait()
            await mill.reopen()
            mill.die_at = None

        async with asyncio.timeout(10):
            assert await mill.host.find(hear, "1").result() == "x 1 2"


async def test_requests_wait_for_an_engine(tmp_path: Path) -> None:
    """What is asked while no engine runs is done when one does."""
    async with Mill(tmp_path, hear) as mill:
        await mill.host.start(hear, "x", id="1")
        await mill.close()
        await ask(mill, "cancel")

        await mill.open()
        await until(lambda: _status(mill) is RunStatus.CANCELLED)

        assert "because (by ada)" in [row.what for row in (await mill.story(hear, "1")).rows]


async def test_retry_and_skip_of_another_process(tmp_path: Path) -> None:
    """An operator's retry tries at once, and a skip with a reply answers in the service's place."""
    async with Mill(tmp_path, hear) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(hear, "x", id="1")
        await mill.spend(HOUR)
        attempts = len(mill.script.calls)

        await ask(mill, "retry")
        await until(lambda: len(mill.script.calls) > attempts)
        await mill.spend(10 * HOUR)
        await ask(mill, "skip", '"y"')
        await until(lambda: _status(mill) is RunStatus.WAITING)

        assert "skipped: because (by ada)" in [row.outcome for row in (await mill.story(hear, "1")).rows]


async def test_terminate_of_another_process(tmp_path: Path) -> None:
    """A run is ended from outside, whatever it is doing."""
    async with Mill(tmp_path, hear) as mill:
        mill.script.on("put", Gate())
        await mill.host.start(hear, "x", id="1")
        await mill.settle()

        await ask(mill, "terminate")
        await until(lambda: _status(mill) is RunStatus.TERMINATED)

        assert mill.engine.is_quiet()


async def test_what_makes_no_sense_is_logged_and_keeps_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown kinds, unknown runs, text that is none, ended runs and skips without need are refused, one by one."""
    async with Mill(tmp_path, hear, limits=Limits(payload_bytes=1_000)) as mill:
        run = await mill.host.start(hear, "x", id="1")
        with caplog.at_level(logging.WARNING, logger="weft.engine"):
            for run_id, kind, body in [
                ("1", "dance", b""),
                ("nobody", "cancel", b""),
                ("1", "signal", b"\xff\xfe\n{}"),
                ("1", "signal", b"Word\n" + b"x" * 2_000),
                ("1", "skip", b""),
                ("1", "signal", b'Word\n{"text":"a"}'),
                ("1", "signal", b'Word\n{"text":"b"}'),
                ("1", "signal", b'Word\n{"text":"c"}'),
                ("1", "terminate", b""),
            ]:
                append_request(mill.path, Request("hear", run_id, kind, body, "ada", "", 0))
            result = await asyncio.wait_for(run.result(), 10)

        assert result == "x a b"
        assert len([record for record in caplog.records if record.getMessage().startswith("request ")]) == 7
        assert mill.engine._open_store().pending_requests(0) == []


async def test_a_request_that_breaks_keeps_no_other_from_being_taken(tmp_path: Path) -> None:
    """One whose carrying out ends in an error that nobody foresaw is refused with it; the next one is taken."""
    async with Mill(tmp_path, hear) as mill:
        await mill.host.schedules.create(Schedule("daily", hear, every(24 * HOUR), input="x"))
        run = await mill.host.start(hear, "x", id="1")
        before_time = RANGE.encode(Range(-(10**17), 0))

        broken = append_request(mill.path, Request("", "daily", "schedule.backfill", before_time, "ada", "", 0))
        append_request(mill.path, Request("hear", "1", "terminate", b"", "ada", "", 0))
        with pytest.raises(RunTerminated):
            await asyncio.wait_for(run.result(), 10)

        refusal = refusal_of(mill.engine._open_store(), broken)
        assert refusal is not None
        assert refusal.what.startswith("OverflowError: ")


async def test_a_request_that_was_refused_is_on_record_in_its_run(tmp_path: Path) -> None:
    """Who asked from another process and got nothing sees in the run's story what was refused, and why."""
    async with Mill(tmp_path, hear) as mill:
        await mill.host.start(hear, "x", id="1")
        await mill.settle()

        await ask(mill, "skip")
        await ask(mill, "dance")
        await until(lambda: not mill.engine._open_store().pending_requests(0))

        notes = [row.what for row in (await mill.story(hear, "1")).rows if row.kind == "operator"]
        assert [note.partition("\n")[0] for note in notes] == [
            "refused skip: WEFT-E602: no call of run hear/1 needs attention",
            "refused dance: WEFT-E602: nothing is known by the name of dance",
        ]
        assert notes[0].endswith("(by ada)")


async def test_what_may_have_happened_is_sent_again_by_request(tmp_path: Path) -> None:
    """A retry from another process is refused where only a decision helps; a resend with its reason is that."""
    async with Mill(tmp_path, hear_of_parcel) as mill:
        mill.script.on("ship", request_lost)
        run = await mill.host.start(hear_of_parcel, "x", id="1")
        await mill.settle()

        append_request(mill.path, Request("hear_of_parcel", "1", "retry", b"", "ada", "", 0))
        append_request(mill.path, Request("hear_of_parcel", "1", "resend", b"", "ada", "it is still here", 0))

        assert await asyncio.wait_for(run.result(), 10) == "x"
        kinds = [row.what.split()[:2] for row in (await mill.story(hear_of_parcel, "1")).rows if row.kind == "operator"]
        assert kinds == [["refused", "retry:"], ["resend", "it"]]


def _status(mill: Mill) -> RunStatus:
    row = mill.engine._open_store().find("hear", "1")
    assert row is not None
    return RunStatus(row.status)
