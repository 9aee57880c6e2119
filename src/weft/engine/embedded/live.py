"""A run that is loaded: its execution, where its journal stands, its calls under way."""

from __future__ import annotations

from collections.abc import Callable

from weft.clock import Alarm
from weft.engine.embedded.crew import Attempt
from weft.engine.execution.attempts import AttemptLog
from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.scopes import CallRecord
from weft.model.call import Call
from weft.model.run import RunStatus

IN_FLIGHT = 0
"""The wake time of a run that has calls under way: it is loaded at every start."""


class CallState:
    """A call that is being made: its attempts, and what it waits for.

    Attributes:
        attempt: the attempt under way; `alarm`: the wait for the next one, which is `again`.
        deadline_ms: when the attempt under way has taken too long.
        attention: why an operator should look; empty while all is well.
        stored: a row of the store tells of its failures.
    """

    __slots__ = ("again", "alarm", "attempt", "attention", "call", "deadline_ms", "live", "log", "record", "stored")

    def __init__(self, live: LiveRun, record: CallRecord, call: Call, log: AttemptLog) -> None:
        self.live = live
        self.record = record
        self.call = call
        self.log = log
        self.attempt: Attempt | None = None
        self.alarm: Alarm | None = None
        self.again: Callable[[], None] | None = None
        self.deadline_ms = 0
        self.attention = ""
        self.stored = False

    def drop(self) -> None:
        """Forget the call: whatever still comes of it is not told."""
        if self.alarm is not None:
            self.alarm.cancel()
        if self.attempt is not None:
            self.attempt.cancel()


class LiveRun:
    """One loaded run.

    Attributes:
        key: its row; `next_seq`: the next row of its journal.
        execution: nothing while the run is blocked.
        pending: commits that are on their way.
        saved: status, wake time and reason as the store has them.
    """

    __slots__ = (
        "blocked",
        "calls",
        "created_ms",
        "execution",
        "gone",
        "identity",
        "input_digest",
        "key",
        "last_ms",
        "next_seq",
        "pending",
        "saved",
        "tenant",
    )

    def __init__(self, key: int, identity: Identity, execution: Execution | None, *, tenant: str = "") -> None:
        self.key = key
        self.identity = identity
        self.execution = execution
        self.tenant = tenant
        self.created_ms = 0
        self.next_seq = 0
        self.last_ms = 0
        self.pending = 0
        self.gone = False
        self.blocked = ""
        self.calls: dict[str, CallState] = {}
        self.saved: tuple[int, int | None, str] = (RunStatus.RUNNING, IN_FLIGHT, "")
        self.input_digest = b""

    @property
    def name(self) -> str:
        """Return `workflow/run id`."""
        return f"{self.identity.workflow}/{self.identity.run_id}"

    def standing(self) -> tuple[int, int | None, str]:
        """Return status, wake time and reason as they are now."""
        if self.blocked:
            return (RunStatus.BLOCKED, IN_FLIGHT, self.blocked)
        execution = self.execution
        assert execution is not None, "a run without an execution is blocked"
        attention = next((state.attention for state in self.calls.values() if state.attention), "")
        if attention:
            return (RunStatus.NEEDS_ATTENTION, IN_FLIGHT, attention)
        if self.calls or len(execution.calls):
            return (RunStatus.RUNNING, IN_FLIGHT, "")
        wake_ms = min((timer.due_ms for timer in execution.timers.values()), default=None)
        return (RunStatus.WAITING, wake_ms, "")

    def leave(self) -> None:
        """Leave memory: the execution, its timers and its calls."""
        self.gone = True
        for state in self.calls.values():
            state.drop()
        self.calls.clear()
        if self.execution is not None:
            self.execution.evict()
            self.execution = None
