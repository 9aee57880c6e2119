"""When attempts have taken too long: one alarm for all, at the earliest deadline, and then a look at all of them."""

from __future__ import annotations

from collections.abc import Container

from weft.clock import Alarm, Clock
from weft.engine.embedded.crew import cancel
from weft.engine.embedded.live import CallState


class Deadlines:
    """The attempts that wait for something: what ends without waiting cannot be ended in time, and is none of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[CallState] = set()
        self._alarm: Alarm | None = None
        self._alarm_ms = 0

    def begin(self, state: CallState) -> None:
        """Give an attempt its time.

        It begins here and not in the queue: what has not begun did not take too long, and cannot have arrived.
        """
        self._waiting.add(state)
        state.deadline_ms = self._clock.now_ms() + state.record.operation.timeout_ms
        if self._alarm is None or state.deadline_ms < self._alarm_ms:
            self._set_alarm(state.deadline_ms)

    def end(self, state: CallState) -> None:
        """Forget an attempt that has ended."""
        self._waiting.discard(state)
        state.deadline_ms = 0

    def count_of(self, ids: Container[str]) -> int:
        """Return how many of the attempts are of calls with these ids."""
        return sum(state.call.id in ids for state in self._waiting) if ids else 0

    def _set_alarm(self, due_ms: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ms = due_ms
        self._alarm = self._clock.call_at(due_ms, self._look_for_late)

    def _look_for_late(self) -> None:
        self._alarm = None
        now_ms = self._clock.now_ms()
        earliest = None
        for state in self._waiting:
            if state.deadline_ms <= now_ms:
                cancel(state)
                # One that takes no notice is told again.
                state.deadline_ms = now_ms + state.record.operation.timeout_ms
            if earliest is None or state.deadline_ms < earliest:
                earliest = state.deadline_ms
        if earliest is not None:
            self._set_alarm(earliest)
