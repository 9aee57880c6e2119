"""What `weft doctor` asks a Temporal server: that it is there, whose clock goes how, and what the namespace has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import uuid4

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
    PollWorkflowTaskQueueRequest,
)
from temporalio.client import Client

from weft.clock import Clock
from weft.engine.temporal.attributes import OWN
from weft.engine.temporal.connection import asking, meet
from weft.engine.temporal.credentials import converter_of
from weft.engine.temporal.target import Target

LOOKS = 100
"""How often is looked whether the server has noted that we were there."""

LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found.

    Attributes:
        version: of the server.
        ahead_ms: how far its clock is ahead of ours; nothing where it did not tell.
        missing: search attributes of weft that the namespace lacks.
    """

    version: str
    ahead_ms: int | None
    missing: tuple[str, ...]


async def examine_server(target: Target, clock: Clock) -> Examined:
    """Look at a server and its namespace; both are left as they are.

    Raises:
        EngineUnreachable, NamespaceMissing, CredentialsInvalid: it cannot be used.
    """
    client = await meet(target, converter_of(target.security))
    with asking():
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        ahead_ms = await _ahead_ms(client, clock)
    missing = tuple(name for name in OWN if name not in found.custom_attributes)
    return Examined(info.server_version, ahead_ms, missing)


async def _ahead_ms(client: Client, clock: Clock) -> int | None:
    """Ask for work of a queue that has none: the server notes the time at which somebody did."""
    queue = TaskQueue(name=f"weft-doctor-{uuid4().hex}")
    asked_ms = clock.now_ms()
    poll = asyncio.ensure_future(
        client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(namespace=client.namespace, task_queue=queue, identity="weft doctor")
        )
    )
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=queue, task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    )
    try:
        for _ in range(LOOKS):
            pollers = (await client.workflow_service.describe_task_queue(request)).pollers
            if pollers:
                return _outside(pollers[0].last_access_time.ToMilliseconds(), asked_ms, clock.now_ms())
            await asyncio.wait({poll}, timeout=LOOK_S)
        return None
    finally:
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)


def _outside(noted_ms: int, asked_ms: int, heard_ms: int) -> int:
    """Return how far a time lies outside of those between which it was noted."""
    return noted_ms - asked_ms if noted_ms < asked_ms else max(0, noted_ms - heard_ms)
