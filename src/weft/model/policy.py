"""Numbers that rule behaviour: backoff, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts: full jitter over an exponential that is cut off.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015): wait = U(0, min(cap, first * 2**n)).
    """

    first: timedelta = timedelta(milliseconds=50)
    cap: timedelta = timedelta(seconds=60)

    def wait_ms(self, attempt: int, chance: float) -> int:
        """Return the wait after attempt number `attempt` (from 1) for a uniform `chance` in [0, 1)."""
        bound = min(self.cap, self.first * (1 << min(attempt - 1, 20)))
        return max(1, round(bound / timedelta(milliseconds=1) * chance))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may hold; the defaults equal Temporal's, so that code stays portable.

    Attributes:
        payload_bytes: one argument record, reply, message, state or result.
        journal_entries: entries of one run.
        pending_calls: calls of one run without an outcome.
        pending_messages: messages of one run not yet received.
        id_characters: a run's id.
    """

    payload_bytes: int = 2 * 1024 * 1024
    journal_entries: int = 51_200
    pending_calls: int = 2_000
    pending_messages: int = 10_000
    id_characters: int = 1_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long is kept what has ended.

    Attributes:
        keep: runs, after their end; nothing for ever. As long as a run is kept, its id cannot be used again.
        workflows: the same by workflow, stronger than `keep`.
        delivery: how long after its run's end a call may still arrive at a service: until then services remember it.
    """

    keep: timedelta | None = None
    workflows: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    delivery: timedelta = timedelta(days=7)

    def of(self, workflow: str) -> timedelta | None:
        """Return how long ended runs of a workflow are kept; nothing for ever."""
        return self.workflows.get(workflow, self.keep)


DEFAULT_TIMEOUT = timedelta(seconds=30)
"""How long one attempt of an operation may take where the operation does not say."""

NO_TIMEOUT_MS = 1 << 53
"""How long an attempt may take that waits for a run."""

FIRST_ATTENTION = 10
"""Equal failures in a row, or failures of an undo, after which a run needs attention."""
