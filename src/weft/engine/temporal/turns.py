"""When a run's turn comes, as Temporal knows it: a start's delay, a priority of five, a key for fairness."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from temporalio.common import Priority

from weft.engine.errors import EngineCannot
from weft.engine.execution.program import Program
from weft.model.queueing import Queueing

MIDDLE = 3
HIGH = 500
"""From this priority on a run is among the first of Temporal's five classes; below its negative among the last."""

FAIRNESS_BYTES = 64
"""Of a key that Temporal takes turns by."""


def check_turns(programs: Iterable[Program]) -> None:
    """Raise if a workflow limits how many of its runs are at work: Temporal has nothing for that.

    Raises:
        EngineCannot: one does.
    """
    for program in programs:
        flow = program.spec.workflow
        if flow.at_once:
            what = f"workflow {flow.name} limits how many of its runs are at work at once, which Temporal cannot"
            remedy = "leave at_once out and let one run start the others, or stay on the embedded engine"
            raise EngineCannot(what, where=flow.where, remedy=remedy)


def priority_of(turn: Queueing) -> Priority:
    """Return what a start says about its turn in Temporal's words; runs of one key share one turn."""
    key = turn.key.encode()[:FAIRNESS_BYTES].decode("utf-8", "ignore") or None
    return Priority(priority_key=_class(turn.priority) if turn.priority else None, fairness_key=key)


def _class(priority: int) -> int:
    if priority > 0:
        return MIDDLE - (2 if priority >= HIGH else 1)
    return MIDDLE + (2 if priority <= -HIGH else 1)


def delay_of(turn: Queueing, now_ms: int) -> timedelta | None:
    """Return how long a start waits; nothing for now."""
    at_ms = turn.since(now_ms).at_ms
    if at_ms is None or at_ms <= now_ms:
        return None
    return timedelta(milliseconds=at_ms - now_ms)
