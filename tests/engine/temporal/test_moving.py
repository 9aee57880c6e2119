"""What `weft engines` says is what the engines do: what binding refuses, what a server's history holds."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType

from tests.conformance.stage import Desk, generations, in_turn, listener, mended, naps, parent, patient, stage, trip
from tests.conformance.stage import Word as Said
from weft.engine.embedded.store import Store
from weft.engine.errors import EngineCannot
from weft.flow.continuing import continue_as_new
from weft.flow.runs import Runs
from weft.host.host import Host
from weft.host.moving import move_of
from weft.host.settings import Settings
from weft.model.schedule import Schedule
from weft.model.system import System
from weft.model.timing import every
from weft.model.workflow import Workflow, workflow

NOWHERE = "temporal://127.0.0.1:1/default"
KINDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "start",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "call",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "message",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "message",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "child",
    EventType.EVENT_TYPE_MARKER_RECORDED: "patch",
}
"""Events that are billed, as Temporal's documentation lists them; a child is one more on its parent's bill."""


@workflow(at_once=2)
async def crowded(count: int) -> int:
    """Wait for a place."""
    return count


@workflow
async def leaving(count: int, *, runs: Runs) -> None:
    """Go on for ever, and leave behind what is to be closed with it."""
    await runs.start(crowded, count, id=str(count), on_close="cancel")
    continue_as_new(count + 1)


@workflow
async def calm(count: int, *, runs: Runs) -> None:
    """Go on for ever, and close nothing."""
    await runs.start(in_turn, count, id=str(count), on_close="abandon")
    continue_as_new(count + 1)


REFUSED = {
    "turns": System("turns", workflows=[crowded]),
    "closing": System("closing", workflows=[leaving, in_turn], services=[Desk]),
    "schedules": System(
        "schedules",
        workflows=[calm, in_turn],
        services=[Desk],
        schedules=[Schedule("often", in_turn, every(timedelta(hours=1)), input=1)],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_told_is_what_binding_refuses(name: str, tmp_path: Path) -> None:
    """The refusal that is shown beforehand is the very one that a host meets."""
    settings = Settings(engine=NOWHERE, store=str(tmp_path))

    told = move_of(REFUSED[name], settings, None).refusals

    with pytest.raises(EngineCannot) as met:
        await Host(REFUSED[name], settings=settings).__aenter__()
    assert str(met.value) in [str(each) for each in told]


def test_what_leaves_its_runs_alone_is_not_refused() -> None:
    """A workflow that continues as new may start runs that nobody closes."""
    system = System("calm", workflows=[calm, in_turn], services=[Desk])

    assert list(move_of(system, Settings(engine=NOWHERE), None).refusals) == []


def failing() -> Desk:
    """Return a desk at which two attempts about one of the things fail."""
    desk = Desk()
    desk.broken["thing-1"] = 2
    return desk


async def perform(host: Host, flow: Workflow[Any, Any], given: object, *, key: str) -> None:
    """Run a workflow to its end, with a word where it listens for one."""
    run = await host.start(flow, given, id=key)
    if flow in {listener, generations}:
        await run.send(Said("hello"))
    await run.result()


async def billed(host: Host, flow: Workflow[Any, Any], key: str) -> Counter[str]:
    """Count the billed events in the histories of a run's generations."""
    client: Any = host.engine._open_client()
    found: Counter[str] = Counter()
    described = await client.get_workflow_handle(f"{flow.name}/{key}").describe()
    run = described.raw_description.workflow_execution_info.first_run_id
    while run:
        history = await client.get_workflow_handle(f"{flow.name}/{key}", run_id=run).fetch_history()
        found += Counter(KINDS[each.event_type] for each in history.events if each.event_type in KINDS)
        attempts = [each.activity_task_started_event_attributes.attempt for each in history.events]
        found["retry"] += sum(attempt - 1 for attempt in attempts if attempt)
        last = history.events[-1]
        run = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found


@pytest.mark.parametrize(
    ("flow", "given"),
    [
        (in_turn, 3),
        (generations, 1),
        (naps, 2),
        (trip, "elephant"),
        (listener, 1),
        (parent, "its child"),
        (mended, "hat"),
        (patient, 5),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
async def test_actions_are_those_of_a_history(
    flow: Workflow[Any, Any], given: object, temporal_address: str, tmp_path: Path
) -> None:
    """What is counted from a journal is what a server's history of the same workflow holds."""
    key = uuid4().hex
    given = key if flow is parent else given
    embedded = Settings(engine=f"sqlite:///{tmp_path}/runs.db", store=str(tmp_path))
    there = Settings(engine=f"temporal://{temporal_address}/default?task_queue={key}", store=str(tmp_path))
    async with Host(stage, settings=embedded, replace={Desk: failing()}) as host:
        await perform(host, flow, given, key=key)
    async with Host(stage, settings=there, replace={Desk: failing()}) as host:
        await perform(host, flow, given, key=key)
        expected = await billed(host, flow, key)

    with closing(Store.open(embedded.engine_path, system=stage.name, owner=False)) as store:
        costs = {each.workflow: each for each in move_of(stage, embedded, store).costs}

    found = dict(costs[flow.name].mean)
    assert found.pop("heartbeat", 0) == expected["retry"]  # no history shows them: each failed attempt leaves one
    assert (costs[flow.name].runs, found) == (1, dict(+expected))
