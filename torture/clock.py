"""A wall clock that is too fast and jumps both ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

LOOK_S = 0.01
"""Real seconds after which an alarm looks at the clock again: it may have jumped."""


class JumpyClock:
    """Tell a wall time that runs `speed` times as fast as the real one and jumps when it is told to."""

    def __init__(self, start_ms: int, *, speed: int) -> None:
        self._start_ms = start_ms
        self._begun = time.monotonic()
        self._speed = speed

    def now_ms(self) -> int:
        """Return the time."""
        return self._start_ms + int((time.monotonic() - self._begun) * 1000 * self._speed)

    def jump(self, by_ms: int) -> None:
        """Jump, forwards or backwards."""
        self._start_ms += by_ms

    def call_at(self, due_ms: int, callback: Callable[[], object]) -> _JumpyAlarm:
        """Call back on the running loop once the time has come."""
        return _JumpyAlarm(self, due_ms, callback)

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the duration."""
        await asyncio.sleep(duration.total_seconds() / self._speed)

    def wait_s(self, due_ms: int) -> float:
        """Return how many real seconds to wait before looking again."""
        return min(max(due_ms - self.now_ms(), 0) / 1000 / self._speed, LOOK_S)


class _JumpyAlarm:
    def __init__(self, clock: JumpyClock, due_ms: int, callback: Callable[[], object]) -> None:
        self._clock = clock
        self._due_ms = due_ms
        self._callback = callback
        self._handle = asyncio.get_running_loop().call_later(clock.wait_s(due_ms), self._look)

    def _look(self) -> None:
        if self._clock.now_ms() >= self._due_ms:
            self._callback()
        else:
            self._handle = asyncio.get_running_loop().call_later(self._clock.wait_s(self._due_ms), self._look)

    def cancel(self) -> None:
        """Forget the callback."""
        self._handle.cancel()
