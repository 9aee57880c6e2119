"""What was done is undone alike on every engine, in the same order."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.stage import Desk, careful, sleeper, strict_trip, stubborn, trip
from weft.errors import RunCancelled, RunFailed, RunTerminated
from weft.flow.runs import Run
from weft.host.host import Host
from weft.model.run import RunStatus


async def test_a_failure_undoes_in_reverse_order(host: Host, desk: Desk, key: str) -> None:
    """An error that leaves a saga undoes what depends on what, the last one first."""
    run = await host.start(trip, "stone", id=key)

    with pytest.raises(RunFailed):
        await run.result()

    assert desk.lines[-3:] == ["give back stone", "give back coat", "give back hat"]


async def test_a_refusal_leaves_nothing_to_undo(host: Host, desk: Desk, key: str) -> None:
    """What was declined did not happen: its undo is dropped, the others are carried out."""
    with pytest.raises(RunFailed) as failed:
        await (await host.start(strict_trip, "elephant", id=key)).result()

    assert failed.value.kind == "Full"
    assert desk.lines == ["take hat", "give back hat"]


async def test_a_caught_refusal_is_an_ordinary_value(host: Host, desk: Desk, key: str) -> None:
    """A workflow that catches a refusal goes on, with its fields at hand."""
    assert await (await host.start(trip, "elephant", id=key)).result() == "full: elephant"
    assert desk.lines == ["take hat", "take coat"]


async def test_an_unknown_outcome_is_undone(host: Host, desk: Desk, key: str) -> None:
    """What may have happened and may not be repeated is undone with the rest."""
    desk.broken["coat"] = 1

    with pytest.raises(RunFailed) as failed:
        await (await host.start(strict_trip, "coat", id=key)).result()

    assert failed.value.kind == "OutcomeUnknown"
    assert desk.lines == ["take hat", "broken take coat", "give back coat", "give back hat"]


async def test_an_undo_is_retried_until_it_succeeds(host: Host, desk: Desk, key: str) -> None:
    """An undo that fails is made again, and the run does not end before it is done."""
    desk.broken["hat"] = 0
    reached = desk.hold("hat")
    run = await host.start(strict_trip, "elephant", id=key)
    await reached.wait()
    desk.held["hat"].set()

    with pytest.raises(RunFailed):
        await run.result()

    assert desk.lines[-1] == "give back hat"


async def test_a_cancelled_run_gives_back_what_it_took(host: Host, desk: Desk, key: str) -> None:
    """A cancellation is an error like others: it leaves the saga behind its undos."""
    run = await host.start(sleeper, "pillow", id=key)
    await until_taken(desk, "pillow")

    await run.cancel("enough")

    with pytest.raises(RunCancelled):
        await run.result()
    assert desk.lines == ["take pillow", "give back pillow"]


async def test_a_run_may_take_no_notice_of_a_cancellation(host: Host, desk: Desk, key: str) -> None:
    """Who catches the cancellation goes on and ends as it likes."""
    run = await host.start(stubborn, "nap", id=key)

    await run.cancel()

    assert await run.result() == "done all the same"
    assert desk.lines == ["note nap"]


async def test_a_terminated_run_undoes_nothing(host: Host, desk: Desk, key: str) -> None:
    """An operator's end is at once and without undos, and says who and why."""
    run = await host.start(sleeper, "pillow", id=key)
    await until_taken(desk, "pillow")

    await host.engine.terminate(run.workflow, run.id, who="ada", why="a fire")

    with pytest.raises(RunTerminated, match=r"a fire \(by ada\)"):
        await run.result()
    assert desk.lines == ["take pillow"]


async def test_what_cannot_be_undone_is_asked_about(host: Host, desk: Desk, key: str) -> None:
    """An irreversible call whose outcome is unknown is not sent again: its status query is asked."""
    desk.broken["parcel"] = 1

    assert await (await host.start(careful, "parcel", id=key)).result() == "NotDone"
    assert desk.lines == ["broken send parcel"]


async def test_a_refused_undo_needs_a_person(host: Host, desk: Desk, key: str) -> None:
    """Ten failures of an undo make the run need attention; a skip with its reason lets it go on."""
    desk.broken["mill"] = 1
    desk.hold("mill")
    run = await host.start(strict_trip, "mill", id=key)
    await desk.reached["mill"].wait()
    desk.broken["mill"] = 1_000
    desk.held["mill"].set()
    await until_status(host, run, RunStatus.NEEDS_ATTENTION)

    await host.engine.skip(run.workflow, run.id, who="ada", why="by hand")

    with pytest.raises(RunFailed):
        await run.result()
    assert desk.lines[-1] == "give back hat"


async def until_taken(desk: Desk, thing: str) -> None:
    """Wait until a thing was taken and the run knows it."""
    while f"take {thing}" not in desk.lines:  # noqa: ASYNC110 - it may be another process's event
        await asyncio.sleep(0.01)  # real sleep: until the service has done it


async def until_status(host: Host, run: Run[None], status: RunStatus) -> None:
    """Wait until a run stands so."""
    while (await host.engine.show(run.workflow, run.id)).view.status is not status:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)  # real sleep: until the engine says so
