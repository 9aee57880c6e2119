"""When runs wake: one heap for the timers of loaded runs, a short horizon of sleepers, the rest as rows on disk."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Protocol, TypeAlias

from weft.clock import Alarm, Clock
from weft.engine.embedded.live import LiveRun
from weft.errors import StoreFailed

HORIZON_MS = 60_000
"""Sleeping runs due within this time are in memory, as two numbers each."""

SLEEPERS_AT_ONCE = 10_000
WAKES_AT_ONCE = 256
"""Runs and timers woken before the loop gets a turn."""

NO_LIMIT = 1 << 60
COMPACT_OVER = 1_024
SLEEPER = ""

_Due: TypeAlias = tuple[int, int, int, str, LiveRun | None]
"""When, a number that orders equals, the run's key, the timer's path, and the run if it is loaded."""


class Sleepers(Protocol):
    """Where runs that are not loaded say when they wake."""

    def due(self, after_ms: int, until_ms: int, limit: int) -> list[tuple[int, int]]:
        """Return (wake time, run key) of open runs that wake after a time and until another, earliest first."""
        ...


class Timetable:
    """Everything that is due at a time, and one alarm for the earliest."""

    def __init__(
        self,
        clock: Clock,
        *,
        fire: Callable[[LiveRun, str, int], None],
        wake: Callable[[int], None],
        broken: Callable[[StoreFailed], None],
        failed: Callable[[int, Exception], None],
    ) -> None:
        self._clock = clock
        self._fire = fire
        self._wake = wake
        self._broken = broken
        self._failed = failed
        self._closed = False
        self._sleepers: Sleepers | None = None
        self._heap: list[_Due] = []
        self._order = itertools.count()
        self._stale = 0
        self._alarm: Alarm | None = None
        self._alarm_ms = 0
        self._horizon_ms = 0
        self._look_ms: int | None = None

    def open(self, sleepers: Sleepers) -> None:
        """Begin to wake runs."""
        self._sleepers = sleepers
        self._look_ahead()

    def close(self) -> None:
        """Wake nothing more."""
        self._closed = True
        self._heap.clear()
        if self._alarm is not None:
            self._alarm.cancel()

    def set(self, live: LiveRun, path: str, due_ms: int) -> None:
        """Note a timer of a loaded run."""
        live.timers += 1
        heapq.heappush(self._heap, (due_ms, next(self._order), live.key, path, live))
        self._arm()

    def forget(self, live: LiveRun, count: int = 1) -> None:
        """Note that timers of a run in the heap are not wanted any more."""
        count = min(count, live.timers)
        live.timers -= count
        self._stale += count
        if self._stale > COMPACT_OVER and self._stale * 2 > len(self._heap):
            self._heap = [item for item in self._heap if _is_wanted(item[0], item[3], item[4])]
            heapq.heapify(self._heap)
            self._stale = 0

    def sleep(self, key: int, wake_ms: int | None) -> None:
        """Note that a run left memory until a time; beyond the horizon its row tells of it."""
        if wake_ms is None:
            return
        if wake_ms <= self._horizon_ms:
            heapq.heappush(self._heap, (wake_ms, next(self._order), key, SLEEPER, None))
        elif self._look_ms is None or wake_ms < self._look_ms:
            self._look_ms = wake_ms
        self._arm()

    def _look_ahead(self) -> None:
        """Take the sleepers of the next minute into memory, and note when the first beyond it wakes."""
        assert self._sleepers is not None, "only an open timetable looks ahead"
        until_ms = max(self._clock.now_ms(), self._horizon_ms) + HORIZON_MS
        rows = self._sleepers.due(self._horizon_ms, until_ms, SLEEPERS_AT_ONCE)
        if len(rows) == SLEEPERS_AT_ONCE:
            # The last millisecond may be cut: leave it for the next look, unless it is the only one.
            last_ms = rows[-1][0]
            until_ms = last_ms if rows[0][0] == last_ms else last_ms - 1
            rows = self._sleepers.due(self._horizon_ms, until_ms, NO_LIMIT)
        for wake_ms, key in rows:
            heapq.heappush(self._heap, (wake_ms, next(self._order), key, SLEEPER, None))
        self._horizon_ms = until_ms
        beyond = self._sleepers.due(until_ms, NO_LIMIT, 1)
        self._look_ms = beyond[0][0] if beyond else None
        self._arm()

    def _arm(self) -> None:
        due_ms = self._heap[0][0] if self._heap else None
        if self._look_ms is not None and (due_ms is None or self._look_ms < due_ms):
            due_ms = self._look_ms
        if self._closed or due_ms is None or (self._alarm is not None and self._alarm_ms <= due_ms):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ms = due_ms
        self._alarm = self._clock.call_at(due_ms, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        try:
            self._wake_what_is_due(self._clock.now_ms())
        except StoreFailed as error:
            self._broken(error)
        finally:
            # Whatever went wrong: without an alarm no run at all would ever be woken again.
            self._arm()

    def _wake_what_is_due(self, now_ms: int) -> None:
        for _ in range(WAKES_AT_ONCE):
            if not self._heap or self._heap[0][0] > now_ms:
                break
            due = heapq.heappop(self._heap)
            try:
                self._wake_one(due)
            except StoreFailed:
                raise
            except Exception as error:  # noqa: BLE001 - a border: one run must not keep the others asleep
                self._failed(due[2], error)
        if self._sleepers is not None and self._look_ms is not None and now_ms >= self._look_ms:
            self._look_ahead()

    def _wake_one(self, due: _Due) -> None:
        due_ms, _, key, path, live = due
        if live is None:
            self._wake(key)
        elif _is_wanted(due_ms, path, live):
            live.timers -= 1
            self._fire(live, path, due_ms)
        else:
            self._stale = max(0, self._stale - 1)


def _is_wanted(due_ms: int, path: str, live: LiveRun | None) -> bool:
    if live is None:
        return True
    if live.gone or live.over or live.execution is None:
        return False
    # Another generation of the run may have a timer of this path, due at another time.
    timer = live.execution.timers.get(path)
    return timer is not None and timer.due_ms == due_ms
