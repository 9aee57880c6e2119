"""Replay against changed code: what may drift, what is a divergence, and what the divergence says."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin, Driver
from weft.engine.execution.entries import Started
from weft.errors import EntryCorrupt, JournalDiverged, ProtocolUnknown
from weft.flow.saga import saga
from weft.model.workflow import Workflow, workflow


@workflow
async def before(n: int, *, desk: Desk) -> None:
    """Reserve and fail at a note."""
    async with saga():
        await desk.reserve(n)
        await asyncio.sleep(60)
        await desk.note(n)


def replayed_with(flow: Workflow[int, None], run: Driver) -> Driver:
    """Return a driver of other code, built from the journal of a run."""
    return Driver(flow, run.settings, journal=run.journal)


def test_recorded_arguments_win(begin: Begin) -> None:
    """Arguments that drifted are no divergence: the recorded bytes are what the undo is given."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n + 99)
            await asyncio.sleep(60)
            await desk.note(n)

    again = replayed_with(flow, begin(before))
    again.reply("reserve.1").fire().refuse("note.1")

    assert again.open["desk.reserve.1~undo"].arguments == b'{"n":0}'


def test_recorded_delays_win(begin: Begin) -> None:
    """A delay that drifted is no divergence: the timer keeps the time it was recorded with."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            await asyncio.sleep(5)
            await desk.note(n)

    run = begin(before).reply("reserve.1")
    again = replayed_with(flow, run)

    assert again.execution.timers["timer.1"].due_ms == run.timers["timer.1"]
    assert again.fire().calls == ["note.1"]


def test_another_target_diverges(begin: Begin) -> None:
    """Code that calls something else is a divergence that names the entry and both lines."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.charge(n)

    with pytest.raises(JournalDiverged) as caught:
        replayed_with(flow, begin(before))

    text = str(caught.value)
    assert "call desk.reserve.1" in text
    assert "call desk.charge.1" in text
    assert text.count("execution/test_divergence.py:") == 2
    assert caught.value.data["entry"] == 0


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_step_added_or_removed_diverges(begin: Begin, seconds: int) -> None:
    """A step that was added, or removed, is a divergence at the entry from which on it shows."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            if seconds:
                _task = asyncio.create_task(desk.look(n))
                await asyncio.sleep(seconds)

    with pytest.raises(
        JournalDiverged, match="the journal has nothing more" if seconds else "today's code has the run's end"
    ):
        replayed_with(flow, begin(before).reply("reserve.1"))


def test_another_undo_diverges(begin: Begin) -> None:
    """An undo that is not the recorded one is a divergence: it would undo the wrong thing."""
    run = begin(before)
    start = run.journal[0]
    recorded = [type(start.commands[0])("desk.reserve.1", "desk.reserve", b'{"n":0}', "desk.refund")]

    with pytest.raises(JournalDiverged):
        Driver(before, run.settings, journal=[start._replace(commands=recorded)])


def test_order_within_a_step_is_no_divergence(begin: Begin) -> None:
    """Commands of one step are compared as a set: their order may change."""

    @workflow
    async def parallel(n: int, *, desk: Desk) -> None:
        await asyncio.gather(desk.look(n), desk.note(n))

    run = begin(parallel)
    start = run.journal[0]

    again = Driver(parallel, run.settings, journal=[start._replace(commands=start.commands[::-1])])
    assert again.calls == ["task.1/look.1", "task.2/note.1"]


def test_newer_protocol_is_refused(begin: Begin) -> None:
    """A start entry of a newer protocol is told apart from everything else: the run is blocked, not failed."""
    run = Driver(before, begin(before).settings)

    with pytest.raises(ProtocolUnknown):
        run.tell(Started(b"0", b"seed", "3.11", protocol=99))


def test_outcome_of_no_call_is_corrupt(begin: Begin) -> None:
    """An outcome, or a timer, of something that the run does not have is a corrupt journal."""
    run = begin(before)

    with pytest.raises(EntryCorrupt):
        run.again().reply("look.1")
    with pytest.raises(EntryCorrupt):
        run.again().skip("look.1")


def test_undo_that_follows_replay_has_the_recorded_bytes(begin: Begin) -> None:
    """An undo that is itself replayed is sent again as it was recorded."""
    run = begin(before).reply("reserve.1").fire().refuse("note.1")

    again = run.again()

    assert again.open == run.open
    assert {record.path: record.arguments for record in again.execution.calls.open()} == {
        "desk.reserve.1~undo": b'{"n":0}'
    }
