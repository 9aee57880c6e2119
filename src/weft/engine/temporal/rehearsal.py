"""Histories that Temporal's command line has exported, told to today's code without a server and without an effect."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig

from weft.engine.execution.commands import Command
from weft.engine.execution.entries import Entry
from weft.engine.execution.program import Program
from weft.engine.temporal.house import House
from weft.engine.temporal.naming import run_id_of
from weft.engine.temporal.story import replay
from weft.errors import InputInvalid, JournalDiverged
from weft.flow.ambient_runs import OPERATIONS
from weft.model.operation import Operation
from weft.model.policy import Limits

REMEDY = "export it with `temporal workflow show --workflow-id ID --output json`"


class Replayed(NamedTuple):
    """What came of one history.

    Attributes:
        workflow: the run's workflow.
        run_id: its id.
        entries: how many entries it was told.
        error: where today's code parts from it; nothing where it does not.
    """

    workflow: str
    run_id: str
    entries: int
    error: JournalDiverged | None


async def replay_exported(
    text: str, *, where: str, programs: Mapping[str, Program], operations: Mapping[str, Operation]
) -> Replayed:
    """Replay one exported history.

    Args:
        text: the JSON of one execution.
        where: the file, for messages.
        programs: today's workflows by name.
        operations: today's operations by target.

    Raises:
        InputInvalid: It is no history.
    """
    history = _read(text, where)
    began = history.events[0].workflow_execution_started_event_attributes
    workflow = began.workflow_type.name
    entries = 0

    def count(entry: Entry, at_ms: int, commands: list[Command]) -> None:
        nonlocal entries
        del entry, at_ms, commands
        entries += 1

    house = House(programs, {**OPERATIONS, **operations}, Limits(), waits="~waits", recorder=count)
    failure = await replay(history, house, DataConverter.default, runtime=_silent())
    error = JournalDiverged(f"today's code parts from the history: {failure}", where=where) if failure else None
    return Replayed(workflow, run_id_of(workflow, history.workflow_id), entries, error)


@cache
def _silent() -> Runtime:
    """Return a runtime of Temporal's library that says nothing: it talks on stdout, where results go."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


def _read(text: str, where: str) -> WorkflowHistory:
    try:
        history = WorkflowHistory.from_json("", text)
    except Exception as error:  # the border: a wrong file makes the library raise whatever it comes upon
        raise InputInvalid(f"it is no history of Temporal: {error}", where=where, remedy=REMEDY) from error
    if not history.events or not history.events[0].HasField("workflow_execution_started_event_attributes"):
        raise InputInvalid("it is no history of Temporal: it does not begin with a start", where=where, remedy=REMEDY)
    began = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(began.workflow_id or "unnamed", history.events)
