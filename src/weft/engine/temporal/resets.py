"""Resets: Temporal cuts a history after the step that is named, and the run goes on from there under its old chain."""

from __future__ import annotations

from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle

from weft.errors import ResetRefused


async def reset_after(client: Client, handle: WorkflowHandle[object, object], *, at: str, why: str) -> None:
    """Cut a run after the step of this path: the workflow task that was told its outcome is done again.

    Raises:
        ResetRefused: the run has no such step, or has not gone on from it.
        RPCError: there is no such run, or the server does not answer.
    """
    history = await handle.fetch_history()
    task = _task_after(list(history.events), at)
    if task is None:
        what = f"run {handle.id} has no step {at!r} behind which it went on"
        raise ResetRefused(what, remedy="name the path of a call that has ended, as in `weft runs show --json`")
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=history.run_id),
            reason=why,
            workflow_task_finish_event_id=task,
            request_id=str(uuid4()),
        )
    )


def _task_after(events: list[HistoryEvent], path: str) -> int | None:
    """Return the end of the first workflow task that knew the step's outcome."""
    scheduled: int | None = None
    ended = False
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            if event.activity_task_scheduled_event_attributes.activity_id == path:
                scheduled = event.event_id
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            ended = ended or event.activity_task_completed_event_attributes.scheduled_event_id == scheduled
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and ended:
            return event.event_id
    return None
