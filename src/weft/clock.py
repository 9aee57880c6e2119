"""Wall time as an argument: the system's clock, and a virtual one that moves only when told."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

LONGEST_WAIT_S = 30.0
"""A timer looks at the wall clock again after this many seconds, so that a clock that jumps is noticed."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Alarm(Protocol):
    """A callback that is due later."""

    def cancel(self) -> None:
        """Forget the callback; harmless once it ran."""
        ...


class Clock(Protocol):
    """Tell wall time and wake callers later."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        ...

    def call_at(self, due_ms: int, callback: Callable[[], object]) -> Alarm:
        """Call back on the running loop once `now_ms() >= due_ms`."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the duration."""
        ...


def to_datetime(at_ms: int) -> datetime:
    """Turn milliseconds since 1970 into an aware UTC datetime, exactly."""
    return EPOCH + timedelta(milliseconds=at_ms)


class _SystemAlarm:
    """One timer of the system clock, armed again until the wall clock agrees."""

    __slots__ = ("_callback", "_clock", "_due_ms", "_handle")

    def __init__(self, clock: SystemClock, due_ms: int, callback: Callable[[], object]) -> None:
        self._clock = clock
        self._due_ms = due_ms
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self._arm()

    def _arm(self) -> None:
        delay = (self._due_ms - self._clock.now_ms()) / 1000
        self._handle = asyncio.get_running_loop().call_later(min(max(delay, 0.0), LONGEST_WAIT_S), self._fire)

    def _fire(self) -> None:
        if self._clock.now_ms() >= self._due_ms:
            self._callback()
        else:
            self._arm()

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class SystemClock:
    """The machine's wall clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def call_at(self, due_ms: int, callback: Callable[[], object]) -> Alarm:
        """Call back on the running loop once the wall clock has reached `due_ms`."""
        return _SystemAlarm(self, due_ms, callback)

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the duration."""
        await asyncio.sleep(duration.total_seconds())


class _VirtualAlarm:
    """One entry of the virtual clock's heap."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that stands still until somebody moves it.

    `parked` counts the coroutines inside `sleep`: work that waits for the clock itself and must not be waited for
    before the clock moves.
    """

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = start_ms
        self._heap: list[tuple[int, int, _VirtualAlarm]] = []
        self._order = itertools.count()
        self.parked = 0

    def now_ms(self) -> int:
        """Return the virtual time in milliseconds since 1970-01-01 UTC."""
        return self._now_ms

    def call_at(self, due_ms: int, callback: Callable[[], object]) -> Alarm:
        """Call back when the clock is moved to `due_ms` or past it."""
        alarm = _VirtualAlarm(callback)
        heapq.heappush(self._heap, (due_ms, next(self._order), alarm))
        return alarm

    async def sleep(self, duration: timedelta) -> None:
        """Park until the clock has moved by the duration."""
        woken = asyncio.get_running_loop().create_future()
        due_ms = self._now_ms + max(0, -(-duration // timedelta(milliseconds=1)))
        alarm = self.call_at(due_ms, lambda: woken.done() or self._wake(woken))
        self.parked += 1
        try:
            await woken
        finally:
            if not woken.done() or woken.cancelled():
                self.parked -= 1
            alarm.cancel()

    def _wake(self, woken: asyncio.Future[None]) -> None:
        # Counted down here and not when the sleeper runs: between the two it is work in flight again.
        self.parked -= 1
        woken.set_result(None)

    def next_due_ms(self) -> int | None:
        """Return when the next alarm is due, or nothing when none is set."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def move_to(self, at_ms: int) -> None:
        """Move forward to `at_ms` and run what became due, in order of time."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= at_ms:
            alarm = heapq.heappop(self._heap)[2]
            self._now_ms = max(self._now_ms, due_ms)
            if alarm.callback is not None:
                alarm.callback()
        self._now_ms = max(self._now_ms, at_ms)
