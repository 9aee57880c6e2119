"""The workers of one process: one for runs and operations, one for what may wait as long as runs last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from weft.engine.temporal.house import House, HouseInterceptor
from weft.engine.temporal.operations import Operations
from weft.engine.temporal.workflow import WeftRun
from weft.model.policy import Backoff

WAITS_AT_ONCE = 10_000
"""Requests about runs that one worker waits for: each holds a few kilobytes and nothing else."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a worker takes on at once.

    Attributes:
        workflows: runs that are stepped or wait to be; one thread steps them all.
        operations: attempts of operations.
        cached: runs kept in memory between their steps; with none each step replays the whole history.
        drain: how long attempts under way may take to end when the worker stops.
        backoff: the waits between attempts.
    """

    workflows: int = 200
    operations: int = 500
    cached: int = 2_000
    drain: timedelta = timedelta(seconds=10)
    backoff: Backoff = field(default_factory=Backoff)


class Workers:
    """Starts the workers of a process and stops them.

    Attributes:
        failed: what ended them, where they ended by themselves.
    """

    def __init__(self, on_failed: Callable[[BaseException], None]) -> None:
        self._on_failed = on_failed
        self._workers: list[Worker] = []
        self._running: list[asyncio.Task[None]] = []
        self._thread: ThreadPoolExecutor | None = None

    async def start(self, client: Client, house: House, operations: Operations, *, queue: str, pace: Pace) -> None:
        """Begin to take work."""
        # One thread steps all runs: while one is stepped no other is, and nothing is collected that is another's.
        thread = self._thread = ThreadPoolExecutor(1, thread_name_prefix="weft-runs")
        runs = Worker(
            client,
            task_queue=queue,
            workflows=[WeftRun],
            activities=[operations.attempt],
            workflow_runner=UnsandboxedWorkflowRunner(),
            interceptors=[HouseInterceptor(house)],
            workflow_task_executor=thread,
            max_cached_workflows=pace.cached,
            max_concurrent_workflow_tasks=pace.workflows,
            max_concurrent_activities=pace.operations,
            graceful_shutdown_timeout=pace.drain,
            on_fatal_error=self._fatal(),
        )
        waits = Worker(
            client,
            task_queue=house.waits,
            activities=[operations.attempt],
            max_concurrent_activities=WAITS_AT_ONCE,
            graceful_shutdown_timeout=timedelta(0),
            on_fatal_error=self._fatal(),
        )
        self._workers = [runs, waits]
        self._running = [asyncio.create_task(worker.run()) for worker in self._workers]

    def _fatal(self) -> Callable[[BaseException], Awaitable[None]]:
        async def fatal(error: BaseException) -> None:
            self._on_failed(error)

        return fatal

    async def stop(self) -> None:
        """Take no more work, let attempts under way end, and give the threads back."""
        workers, self._workers = self._workers, []
        running, self._running = self._running, []
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*running, return_exceptions=True)  # what ended one was told when it did
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
