"""A visit to a Temporal server: runs are listed, told, asked and steered by who works on none of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from temporalio.converter import DataConverter
from temporalio.service import RPCError

from weft.clock import Clock, SystemClock
from weft.engine.execution.program import Program
from weft.engine.temporal.connection import asking, meet
from weft.engine.temporal.house import House
from weft.engine.temporal.limits import fitting
from weft.engine.temporal.questions import TemporalQuestions
from weft.engine.temporal.runs import TemporalRuns
from weft.engine.temporal.story import story_of, view_of
from weft.engine.temporal.target import Target
from weft.ids import Ids, SystemIds
from weft.model.operation import Operation
from weft.model.policy import Limits
from weft.model.run import RunStory, RunView


class Visitor(TemporalRuns):
    """Ask a namespace about its runs: `async with Visitor(target) as visitor`. It takes no work.

    Args:
        target: which server and namespace; without a task queue all runs of the namespace are meant.
        clock: from where times in queries are counted.
        ids: where ids of messages come from.
        limits: what a message may hold.
        converter: how payloads are written.
    """

    def __init__(
        self,
        target: Target,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        limits: Limits | None = None,
        converter: DataConverter = DataConverter.default,
    ) -> None:
        limits = fitting(limits or Limits())
        super().__init__(target.task_queue, clock=clock or SystemClock(), ids=ids or SystemIds(), limits=limits)
        self._target = target
        self._converter = converter

    async def __aenter__(self) -> Self:
        self._client = await meet(self._target, self._converter)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client = None

    @property
    def questions(self) -> TemporalQuestions:
        """Return what lists and counts runs."""
        return TemporalQuestions(self._open_client(), self._queue, (), clock=self._clock)

    async def view(self, workflow: str, run_id: str) -> RunView:
        """Return where a run stands, as far as Temporal knows it without the run's code.

        Raises:
            RunNotFound: there is none.
        """
        try:
            found = await self._handle(workflow, run_id).describe()
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error
        with asking():
            return await view_of(found)

    async def story(
        self, workflow: str, run_id: str, *, programs: Mapping[str, Program], operations: Mapping[str, Operation]
    ) -> RunStory:
        """Return the story of a run, whose history is told to this code; nothing is called.

        Raises:
            RunNotFound: there is none.
        """
        house = House(programs, operations, self._limits, "")
        try:
            return await story_of(self._handle(workflow, run_id), house, self._converter)
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error
