"""The workers of one process: one for each task queue, and one for what may wait as long as runs last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from weft.engine.temporal.house import House, HouseInterceptor
from weft.engine.temporal.operations import Operations
from weft.engine.temporal.pace import CACHED, PINNED, Pace
from weft.engine.temporal.workflow import WeftRun
from weft.errors import SettingInvalid

WAITS_AT_ONCE = 10_000
"""Requests about runs that one worker waits for: each holds a few kilobytes and nothing else."""


@dataclass(frozen=True, slots=True)
class Served:
    """The task queues that a process takes work from.

    Attributes:
        runs: those with steps of runs, and operations beside them.
        operations: those with nothing but operations.
        waits: whether requests about runs are answered here.
    """

    runs: tuple[str, ...]
    operations: tuple[str, ...]
    waits: bool


def served(house: House, *, queue: str, pace: Pace) -> Served:
    """Return which task queues a process takes work from.

    Args:
        house: the programs and operations, and the queues that are not the System's.
        queue: the System's task queue.
        pace: which queues are wanted.

    Raises:
        SettingInvalid: One is wanted that nothing of the System goes to.
    """
    runs = {queue, *(house.queues[name] for name in house.programs if name in house.queues)}
    others = set(house.queues.values()) - runs
    for name in pace.serves:
        if name not in runs | others:
            what = f"nothing of this System goes to the task queue {name!r}"
            raise SettingInvalid(what, where="worker.serves", remedy=f"its queues: {', '.join(sorted(runs | others))}")
    wanted = set(pace.serves) or runs | others
    return Served(tuple(sorted(runs & wanted)), tuple(sorted(others & wanted)), waits=queue in wanted)


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
        """Begin to take work.

        Raises:
            SettingInvalid: A task queue is wanted that nothing of the System goes to.
        """
        take = served(house, queue=queue, pace=pace)
        # One thread steps all runs: while one is stepped no other is, and nothing is collected that is another's.
        thread = self._thread = ThreadPoolExecutor(1, thread_name_prefix="weft-runs")
        version = _version(pace)
        shared: dict[str, Any] = {
            "activities": [operations.attempt],
            "graceful_shutdown_timeout": pace.drain,
            "on_fatal_error": self._fatal(),
            "deployment_config": version,
        }
        steps: dict[str, Any] = {
            "workflows": [WeftRun],
            "workflow_runner": UnsandboxedWorkflowRunner(),
            "interceptors": [HouseInterceptor(house)],
            "workflow_task_executor": thread,
            "max_cached_workflows": CACHED if pace.cached is None else pace.cached,
            "max_concurrent_workflow_tasks": pace.workflows,
        }
        most: dict[str, Any] = {"max_concurrent_activities": pace.operations}
        self._workers = [Worker(client, task_queue=name, **shared, **steps, **most) for name in take.runs]
        self._workers += [Worker(client, task_queue=name, **shared, **most) for name in take.operations]
        if take.waits:
            at_once = {"graceful_shutdown_timeout": timedelta(0), "max_concurrent_activities": WAITS_AT_ONCE}
            waits: dict[str, Any] = {**shared, **at_once}
            self._workers.append(Worker(client, task_queue=house.waits, **waits))
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


def _version(pace: Pace) -> WorkerDeploymentConfig | None:
    """Return the version that the workers of a process are; nothing where they have none."""
    if not pace.deployment:
        return None
    behavior = VersioningBehavior.PINNED if pace.versioning == PINNED else VersioningBehavior.AUTO_UPGRADE
    version = WorkerDeploymentVersion(deployment_name=pace.deployment, build_id=pace.build_id)
    return WorkerDeploymentConfig(version, use_worker_versioning=True, default_versioning_behavior=behavior)
