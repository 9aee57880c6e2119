"""The five-step workflow written by hand with Temporal's SDK, as its documentation has it, unsandboxed like weft's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.floor import STEPS, work

AT_ONCE = 500
"""Activities that the worker makes at once, and runs that it steps: as many as weft's own worker."""

QUEUE = "by-hand"
WITHIN = timedelta(seconds=30)


@activity.defn(name="work")
async def do_work(value: int) -> int:
    """Do one step."""
    return await work(value)


@workflow.defn
class Five:
    """Do five steps, each in the history before the next begins."""

    @workflow.run
    async def run(self, value: int) -> int:
        """Call the activity five times."""
        for _ in range(STEPS):
            value = await workflow.execute_activity(do_work, value, start_to_close_timeout=WITHIN)
        return value


class ByHand:
    """A client and a worker in one process."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, run_id: str, value: int) -> int:
        """Run five steps durably and return the last one's result."""
        handle = await self._client.start_workflow(Five.run, value, id=f"by-hand/{run_id}", task_queue=QUEUE)
        return await handle.result()


@asynccontextmanager
async def open_by_hand(address: str) -> AsyncIterator[ByHand]:
    """Connect, and work in this process."""
    client = await Client.connect(address)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Five],
        activities=[do_work],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=AT_ONCE,
        max_concurrent_activities=AT_ONCE,
    )
    async with worker:
        yield ByHand(client)
