"""What can be said of a run from outside: its status, its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class RunStatus(IntEnum):
    """Where a run stands; the first four are open, the others final. The numbers are on disk."""

    RUNNING = 0
    WAITING = 1
    NEEDS_ATTENTION = 2
    BLOCKED = 3
    COMPLETED = 4
    FAILED = 5
    CANCELLED = 6
    TERMINATED = 7

    @property
    def is_open(self) -> bool:
        """Tell whether the run may still go on."""
        return self < RunStatus.COMPLETED

    @property
    def label(self) -> str:
        """Return the word that people read."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class RunView:
    """One run in a list. Times are milliseconds since 1970; `reason` says why it is not simply running.

    `generation` counts how often it has continued as new; `attributes` are by name: times as ISO 8601, several
    texts as a list.
    """

    workflow: str
    id: str
    status: RunStatus
    created_ms: int
    ended_ms: int | None
    tenant: str
    reason: str
    generation: int = 0
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some of the runs that were asked for, in order.

    Attributes:
        runs: the runs.
        cursor: where the next page begins; nothing when these were the last.
    """

    runs: tuple[RunView, ...]
    cursor: str | None = None

    def __iter__(self) -> Iterator[RunView]:
        """Go through the runs."""
        return iter(self.runs)

    def __len__(self) -> int:
        """Return how many runs are on this page."""
        return len(self.runs)


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of a run's story.

    Attributes:
        at_ms: when it began, in milliseconds since 1970.
        took_ms: until its outcome; nothing while it is open, or where there is nothing to last.
        kind: start, call, undo, timer, message, answer, state, attribute, patch, cancel, operator, end.
        what: the target and its arguments, or the message, in one line.
        outcome: reply, refusal, failure; empty while open.
        attempts: how often it was sent, as far as known.
        path: the structural id within the run.
        line: `file:line` of the workflow's code.
    """

    at_ms: int
    took_ms: int | None
    kind: str
    what: str
    outcome: str
    attempts: int
    path: str
    line: str


@dataclass(frozen=True, slots=True)
class RunStory:
    """A run with its timeline and one sentence about what it is waiting for."""

    view: RunView
    rows: tuple[TimelineRow, ...]
    waiting_for: str
    result: bytes | None
