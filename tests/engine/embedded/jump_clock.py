"""A wall clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta


class JumpClock:
    """A wall clock that jumps both ways; what is due happens in turns of the loop, as on the system's clock."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self.parked = 0
        self._now_ms = start_ms
        self._alarms: list[_JumpAlarm] = []

    def now_ms(self) -> int:
        """Return the time."""
        return self._now_ms

    def call_at(self, due_ms: int, callback: Callable[[], object]) -> _JumpAlarm:
        """Call back in a turn of the loop in which the time has come."""
        alarm = _JumpAlarm(due_ms, callback)
        self._alarms.append(alarm)
        if due_ms <= self._now_ms:
            asyncio.get_running_loop().call_soon(self._ring)
        return alarm

    async def sleep(self, duration: timedelta) -> None:
        """Wait for the duration."""
        woken = asyncio.get_running_loop().create_future()
        self.call_at(self._now_ms + duration // timedelta(milliseconds=1), lambda: woken.set_result(None))
        await woken

    def next_due_ms(self) -> int | None:
        """Return when the next alarm is due."""
        return min((alarm.due_ms for alarm in self._alarms if not alarm.cancelled), default=None)

    def move_to(self, at_ms: int) -> None:
        """Jump, forwards or backwards."""
        self._now_ms = at_ms
        asyncio.get_running_loop().call_soon(self._ring)

    def _ring(self) -> None:
        due = [alarm for alarm in self._alarms if alarm.due_ms <= self._now_ms]
        self._alarms = [alarm for alarm in self._alarms if alarm.due_ms > self._now_ms]
        for alarm in due:
            if not alarm.cancelled:
                alarm.callback()


class _JumpAlarm:
    def __init__(self, due_ms: int, callback: Callable[[], object]) -> None:
        self.due_ms = due_ms
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Forget the callback."""
        self.cancelled = True
