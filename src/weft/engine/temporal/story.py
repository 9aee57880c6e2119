"""A run's story out of Temporal's history: it is told to the run's code once more, and what that answers noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import (
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistory,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from weft.clock import EPOCH
from weft.engine.execution.commands import Command, RunEnded
from weft.engine.execution.entries import Entry
from weft.engine.execution.story import Teller, waiting_for
from weft.engine.temporal.house import House, HouseInterceptor
from weft.engine.temporal.naming import ATTENTION, CANCELLED, REASON, STATUS, TENANT, run_id_of
from weft.engine.temporal.workflow import WeftRun
from weft.model.run import RunStatus, RunStory, RunView, TimelineRow

STATUSES: Mapping[WorkflowExecutionStatus, RunStatus] = {
    WorkflowExecutionStatus.RUNNING: RunStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED: RunStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED: RunStatus.FAILED,
    WorkflowExecutionStatus.CANCELED: RunStatus.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: RunStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: RunStatus.FAILED,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: RunStatus.RUNNING,
}

MILLISECOND = timedelta(milliseconds=1)

OWN = frozenset({STATUS.name, TENANT.name, "BuildIds"})
"""Search attributes that are none of the System's."""

Failures = dict[str, tuple[int, str, int | None]]


async def view_of(found: WorkflowExecution) -> RunView:
    """Return what a list shows of a run."""
    said = found.typed_search_attributes.get(STATUS)
    status = RunStatus.RUNNING if found.status is None else STATUSES[found.status]
    if status is RunStatus.RUNNING and said == ATTENTION:
        status = RunStatus.NEEDS_ATTENTION
    elif status is RunStatus.FAILED and said == CANCELLED:
        status = RunStatus.CANCELLED
    return RunView(
        found.workflow_type,
        run_id_of(found.workflow_type, found.id),
        status,
        _ms(found.start_time),
        None if found.close_time is None else _ms(found.close_time),
        found.typed_search_attributes.get(TENANT) or "",
        str((await found.memo()).get(REASON, "")),
        attributes=_attributes(found.typed_search_attributes),
    )


def _attributes(kept: TypedSearchAttributes) -> dict[str, object]:
    """Return what a run is found by, without what Temporal and weft keep there for themselves."""
    found: dict[str, object] = {}
    for pair in cast("Sequence[SearchAttributePair[Any]]", cast("Any", kept).search_attributes):
        name, value = cast("Any", pair.key).name, pair.value
        if name not in OWN and not name.startswith("Temporal"):
            found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def _ms(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


async def story_of(handle: WorkflowHandle[object, object], house: House, converter: DataConverter) -> RunStory:
    """Return the story of a run.

    Raises:
        RPCError: there is none, or the server does not answer.
    """
    described = await handle.describe()
    history = await handle.fetch_history()
    teller = Teller()
    result: bytes | None = None
    end: RunEnded | None = None

    def note(entry: Entry, at_ms: int, commands: list[Command]) -> None:
        nonlocal result, end
        teller.told(entry, at_ms)
        for command in commands:
            teller.answered(command, at_ms)
            if isinstance(command, RunEnded):
                end = command
                result = command.data if command.final is RunStatus.COMPLETED else None

    blocked = await replay(history, replace(house, recorder=note, require=None), converter)
    failures = _pending(described)
    for path, (count, failure, _) in failures.items():
        teller.failing(path, count, failure)
    rows = _counted(teller.rows, history)
    view = _standing(await view_of(described), blocked, teller=teller, end=end)
    return RunStory(view, rows, waiting_for(view, teller, failures), result)


async def replay(
    history: WorkflowHistory, house: House, converter: DataConverter, *, runtime: Runtime | None = None
) -> str:
    """Tell a history to the code of today; return why that fails, or nothing."""
    replayer = Replayer(
        runtime=runtime,
        workflows=[WeftRun],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[HouseInterceptor(house)],
        data_converter=converter,
    )
    done = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return "" if done.replay_failure is None else str(done.replay_failure)


def _standing(view: RunView, blocked: str, *, teller: Teller, end: RunEnded | None) -> RunView:
    """Return where a run stands, as far as only its code can tell."""
    if view.status is RunStatus.RUNNING:
        if blocked:
            return replace(view, status=RunStatus.BLOCKED, reason=blocked)
        calls = [path for path in teller.open if path not in teller.timers]
        if not calls:
            return replace(view, status=RunStatus.WAITING)
    elif end is not None and view.status is not RunStatus.COMPLETED and not view.reason:
        return replace(view, reason=_reason(end))
    return view


def _reason(end: RunEnded) -> str:
    """Return why a run did not complete, in one line."""
    line = f" (at {end.line})" if end.line else ""
    return f"{end.kind}: {end.text}{line}"


def _pending(described: WorkflowExecutionDescription) -> Failures:
    """Return the calls that are being tried again, with how often and why."""
    found: Failures = {}
    for each in described.raw_description.pending_activities:
        failure = each.last_failure.message
        if not failure:
            continue
        waits = each.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        next_ms = round(each.scheduled_time.ToMilliseconds()) if waits and each.HasField("scheduled_time") else 0
        found[each.activity_id] = (each.attempt - 1 if waits else each.attempt, failure, next_ms)
    return found


def _counted(rows: list[TimelineRow], history: WorkflowHistory) -> tuple[TimelineRow, ...]:
    """Return the rows with the numbers of attempts, which only the server knows."""
    ids: dict[int, str] = {}
    attempts: dict[str, int] = {}
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            ids[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            started = event.activity_task_started_event_attributes
            attempts[ids[started.scheduled_event_id]] = started.attempt
    return tuple(
        replace(row, attempts=attempts[row.path]) if row.attempts == 1 and row.path in attempts else row for row in rows
    )
