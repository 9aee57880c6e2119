"""The Temporal engine: runs are Temporal workflows, their calls its activities; a server keeps what is durable."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from temporalio.converter import DataConverter
from temporalio.service import RPCError

from weft.clock import Clock, SystemClock
from weft.engine.errors import EngineUnreachable
from weft.engine.execution.attempts import Judge
from weft.engine.execution.program import Program
from weft.engine.temporal.connection import connect
from weft.engine.temporal.house import House, named_queues
from weft.engine.temporal.limits import check_bound, fitting
from weft.engine.temporal.moving import check_programs
from weft.engine.temporal.operations import Operations
from weft.engine.temporal.pace import Pace
from weft.engine.temporal.payloads import (
    TROUBLE,
    TroubleNote,
    noted,
)
from weft.engine.temporal.questions import TemporalQuestions
from weft.engine.temporal.runs import TemporalRuns
from weft.engine.temporal.schedules import NoSchedules
from weft.engine.temporal.story import story_of
from weft.engine.temporal.target import Target
from weft.engine.temporal.worker import Workers
from weft.errors import WeftError
from weft.flow.ambient_runs import OPERATIONS
from weft.ids import Ids, SystemIds
from weft.model.call import Handler
from weft.model.operation import Operation
from weft.model.policy import Limits
from weft.model.run import RunStory

log = logging.getLogger("weft.engine")

WAITS = "~waits"
"""Behind a task queue's name: the queue of requests about runs."""


class TemporalEngine(TemporalRuns):
    """Run workflows on a Temporal server.

    Attributes:
        failed: set with the error once a worker has ended by itself.
    """

    def __init__(
        self,
        target: Target,
        *,
        system: str,
        clock: Clock | None = None,
        ids: Ids | None = None,
        limits: Limits | None = None,
        pace: Pace | None = None,
        converter: DataConverter = DataConverter.default,
    ) -> None:
        """Make an engine; nothing happens before it is opened.

        Args:
            target: which server, namespace and task queue.
            system: the System's name, which is the task queue's where none is named.
            clock: where services find time; runs are told the server's.
            ids: where ids of messages come from.
            limits: what a run may hold; at most what the server lets it.
            pace: how much this process takes on at once.
            converter: how payloads are written; one with a codec may encrypt them.

        Raises:
            EngineCannot: a limit is beyond the server's.
        """
        check_bound(limits or Limits())
        super().__init__(
            target.task_queue or system,
            clock=clock or SystemClock(),
            ids=ids or SystemIds(),
            limits=fitting(limits or Limits()),
        )
        self._target = target
        self._judge = Judge((pace or Pace()).backoff)
        self._pace = pace or Pace()
        if self._pace.cached is None:
            self._pace = replace(self._pace, cached=target.cached)
        self._queues = self._pace.queues
        self._converter = converter
        self._workers = Workers(self._on_failed)
        self._house: House | None = None
        self.failed: WeftError | None = None
        self.schedules = NoSchedules()

    def identity(self) -> str:
        """Return the name of what keeps the runs: whoever works on one task queue works for one engine."""
        return f"temporal:{self._target.namespace}/{self._queue}"

    # Opening and closing.

    async def open(
        self, programs: Mapping[str, Program], operations: Mapping[str, Operation], handler: Handler
    ) -> None:
        """Connect to the server and begin to work.

        Raises:
            EngineUnreachable, NamespaceMissing, AttributesMissing: it cannot be used.
            EngineCannot: the System asks for what Temporal cannot do.
            SettingInvalid: a task queue is for what the System has not.
        """
        check_programs(tuple(programs.values()))
        known = {**OPERATIONS, **operations}
        client, registered = await connect(self._target, self._converter)
        self._client, self._registered = client, registered
        queues = self._queues = named_queues(self._pace.queues, programs, known)
        waits = f"{self._queue}{WAITS}"
        house = self._house = House(programs, known, self._limits, waits, queues, require=registered.require)
        carried_out = Operations(
            known,
            handler,
            runs=self,
            judge=self._judge,
            limits=self._limits,
            clock=self._clock,
            tell=self._trouble,
        )
        await self._workers.start(client, house, carried_out, queue=self._queue, pace=self._pace)

    async def close(self) -> None:
        """Take no more work and let calls under way end; runs go on as soon as a worker is there again."""
        await self._workers.stop()
        self._client = None

    async def kill(self) -> None:
        """Stop at once."""
        await self._workers.stop()
        self._client = None

    def _on_failed(self, error: BaseException) -> None:
        if self.failed is None:
            log.error("the worker stops: %s", error)
            self.failed = EngineUnreachable(f"the worker has ended: {error}")

    async def _trouble(self, temporal_id: str, temporal_run: str, note: TroubleNote) -> None:
        handle = self._open_client().get_workflow_handle(temporal_id, run_id=temporal_run)
        try:
            await handle.signal(TROUBLE, noted(note))
        except RPCError as error:
            log.warning("run %s could not be told that it needs attention: %s", temporal_id, error)

    @property
    def questions(self) -> TemporalQuestions:
        """Return what lists and counts runs of this task queue."""
        workflows = () if self._house is None else self._house.programs
        return TemporalQuestions(self._open_client(), self._queue, workflows, clock=self._clock)

    async def show(self, workflow: str, run_id: str) -> RunStory:
        """Return the story of one run: its history, told once more to the run's code.

        Raises:
            RunNotFound: there is none.
        """
        assert self._house is not None, "an open engine has a house"
        try:
            return await story_of(self._handle(workflow, run_id), self._house, self._converter)
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error
