"""What changes for a System that moves to Temporal: its limits, and what it would be refused for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from weft.engine.errors import EngineCannot
from weft.engine.execution.program import Program
from weft.engine.temporal.closing import check_closing
from weft.engine.temporal.limits import ID_CHARACTERS, MOST, check_bound, fitting
from weft.engine.temporal.naming import workflow_id
from weft.engine.temporal.schedules import NoSchedules
from weft.engine.temporal.steps import HISTORY_BYTES, HISTORY_EVENTS, SIGNALS, UPDATES
from weft.engine.temporal.turns import check_turns
from weft.model.policy import Limits
from weft.model.schedule import ScheduleSpec


@dataclass(frozen=True, slots=True)
class Bounds:
    """What Temporal lets a run of a System hold.

    Attributes:
        payload_bytes: one argument record, reply, message, state or result, beside what travels with it.
        history_events: of one generation; a call is three and up to three more for the step that it leads to.
        history_bytes: of one generation.
        pending_calls: without an outcome.
        signals: of one generation, received or not.
        updates: of one generation.
        id_characters: of a run's id, of the workflow with the longest name.
    """

    payload_bytes: int
    history_events: int
    history_bytes: int
    pending_calls: int
    signals: int
    updates: int
    id_characters: int


def bounds(limits: Limits, workflows: Collection[str]) -> Bounds:
    """Return what is allowed under some limits to runs of these workflows."""
    named = max((len(workflow_id(name, "")) for name in workflows), default=0)
    return Bounds(
        payload_bytes=fitting(limits).payload_bytes,
        history_events=min(HISTORY_EVENTS, limits.journal_entries),
        history_bytes=HISTORY_BYTES,
        pending_calls=min(MOST.pending_calls, limits.pending_calls),
        signals=SIGNALS,
        updates=UPDATES,
        id_characters=min(limits.id_characters, ID_CHARACTERS - named),
    )


def check_programs(programs: Sequence[Program]) -> None:
    """Raise if a workflow asks for what Temporal cannot do.

    Raises:
        EngineCannot: one does.
    """
    check_turns(programs)
    check_closing(programs)


def refusals(programs: Sequence[Program], declared: Sequence[ScheduleSpec], limits: Limits) -> Iterator[EngineCannot]:
    """Yield what a System would be refused for when it is bound: the very checks of the engine, one by one."""
    checks: list[Callable[[], None]] = [partial(check_bound, limits)]
    checks += [partial(check_programs, [each]) for each in programs]
    checks += [partial(NoSchedules().declare, [each]) for each in declared]
    for check in checks:
        try:
            check()
        except EngineCannot as refusal:
            yield refusal
