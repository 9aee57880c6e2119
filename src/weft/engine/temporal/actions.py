"""What a run would cost on Temporal Cloud: its billable actions, counted from the journal of a run on any engine.

Source: Temporal's documentation, "Temporal Cloud Actions" (2026): which operations are billed, and how many each is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from weft.engine.execution.commands import (
    AttributeSet,
    CallIssued,
    Command,
    PatchTaken,
    RunContinued,
    TimerSet,
)
from weft.engine.execution.entries import Ended, Entry, Noted, Reset, Skipped, Started, Told
from weft.engine.temporal.calls import HEARTBEAT
from weft.engine.temporal.children import STARTS
from weft.engine.temporal.operations import HEARTBEAT_S
from weft.model.operation import Operation

THROTTLE = 0.8
"""The part of a heartbeat timeout for which the SDK keeps further heartbeats to itself."""

CHILD_INTENT = 1
"""Actions of a run that starts another: that it means to; the start itself is on the other one's bill."""

SCHEDULED_START = 2
"""Actions that a start by a schedule adds to the start itself."""

CALL_EVENTS, TIMER_EVENTS, CHILD_EVENTS, TASK_EVENTS = 3, 2, 3, 3
"""Events in a history: of an activity, of a timer, of a child, and of each workflow task."""

Step = tuple[int, Entry, Sequence[Command]]
"""When a run was told what, and what it answered; times in milliseconds since 1970."""


@dataclass(slots=True)
class Bill:
    """What one run costs.

    Attributes:
        actions: by kind.
        events: of its longest history, at most: each entry is taken for a workflow task of its own.
    """

    actions: Counter[str] = field(default_factory=Counter[str])
    events: int = 0


class Counting:
    """Counts one run, entry by entry."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations
        self._targets: dict[str, str] = {}
        self._events = 0
        self.bill = Bill()

    def note(self, at_ms: int, entry: Entry, commands: Sequence[Command]) -> None:
        """Count an entry and what it was answered with."""
        actions = self.bill.actions
        match entry:
            case Started():
                actions["start"] += 1
                actions["schedule"] += SCHEDULED_START if entry.occurrence else 0
                self._events = 1
            case Ended(path=path, attempts=attempts):
                self._call_ended(path, attempts, took_ms=at_ms - entry.began_ms if entry.began_ms else 0)
            case Told():
                actions["message"] += 1
            case Skipped() | Noted():
                actions["operator"] += 1
            case Reset():
                actions["reset"] += 1
            case _:
                pass
        self._events += TASK_EVENTS
        for command in commands:
            self._answered(command)
        self.bill.events = max(self.bill.events, self._events)

    def _call_ended(self, path: str, attempts: int, *, took_ms: int) -> None:
        target = self._targets.get(path, "")
        again = max(0, attempts - 1)
        if target in STARTS:
            return
        actions = self.bill.actions
        actions["retry"] += again
        # What the attempts so far came to is left to the next one in a heartbeat.
        actions["heartbeat"] += again + self._beats(target, took_ms)

    def _beats(self, target: str, took_ms: int) -> int:
        """Return how many heartbeats of an attempt reach the server."""
        operation = self._operations.get(target)
        seconds = HEARTBEAT / timedelta(seconds=1)
        if operation is not None and operation.timeout_ms <= seconds * 1_000:
            return 0
        since_first = took_ms / 1_000 - HEARTBEAT_S
        return 0 if since_first < 0 else 1 + int(since_first // (seconds * THROTTLE))

    def _answered(self, command: Command) -> None:
        actions = self.bill.actions
        match command:
            case CallIssued(path=path, target=target, undoes=undoes):
                self._targets[path] = target
                if target in STARTS:
                    actions["child"] += CHILD_INTENT
                    self._events += CHILD_EVENTS
                    return
                actions["call"] += 1
                self._events += CALL_EVENTS
                if undoes:  # beside an undo stands the timer after which it needs attention
                    actions["timer"] += 1
                    self._events += TIMER_EVENTS
            case TimerSet():
                actions["timer"] += 1
                self._events += TIMER_EVENTS
            case AttributeSet():
                actions["attribute"] += 1
                self._events += 1
            case PatchTaken():
                actions["patch"] += 1
                self._events += 2
            case RunContinued():
                self._events += 1  # the start of what comes next is counted there
            case _:
                pass


def bill_of(steps: Iterable[Step], operations: Mapping[str, Operation]) -> Bill:
    """Return what a run costs.

    Queries leave no trace in a journal and are not counted; nor is what shows that a run needs attention.

    Args:
        steps: its journal, every generation.
        operations: of the System, by target.
    """
    counting = Counting(operations)
    for at_ms, entry, commands in steps:
        counting.note(at_ms, entry, commands)
    return Bill(+counting.bill.actions, counting.bill.events)
