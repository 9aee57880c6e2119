"""What waits in a run's loop: callbacks that are ready, and durable timers."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

import msgspec


class Timers(Protocol):
    """Where the loop's timers go."""

    def timer_set(self, timer: RunTimer) -> None:
        """Note a new timer."""
        ...

    def timer_cancelled(self, timer: RunTimer) -> None:
        """Note that a timer is not wanted any more."""
        ...


class Ready(msgspec.Struct, eq=False):
    """A callback in the queue.

    Attributes:
        origin: the saga that whoever queued it belongs to.
        forgotten: it is passed over.
    """

    callback: Callable[..., object]
    args: tuple[Any, ...]
    context: Context
    origin: Any
    forgotten: bool = False

    def cancel(self) -> None:
        """Forget the callback."""
        self.forgotten = True

    def cancelled(self) -> bool:
        """Tell whether it was forgotten."""
        return self.forgotten

    @property
    def subjects(self) -> tuple[object, ...]:
        """Return who may be meant: the task that is stepped, or the one whose end is told."""
        return (getattr(self.callback, "__self__", None), *self.args[:1])


class Queue(Protocol):
    """What a timer needs of its loop."""

    @property
    def timers(self) -> Timers:
        """Return where timers go."""
        ...

    @property
    def start_ms(self) -> int:
        """Return the run's start."""
        ...

    def put(self, ready: Ready) -> None:
        """Queue a callback that is already made."""
        ...


class RunTimer:
    """A durable timer; asyncio knows it as a TimerHandle."""

    __slots__ = ("_cancelled", "_loop", "_ready", "due_ms", "fired", "path")

    def __init__(self, loop: Queue, *, due_ms: int, ready: Ready, path: str) -> None:
        self._loop = loop
        self._ready = ready
        self._cancelled = False
        self.due_ms = due_ms
        self.path = path
        self.fired = False

    def cancel(self) -> None:
        """Forget the timer; harmless once it fired."""
        if not self._cancelled and not self.fired:
            self._cancelled = True
            self._loop.timers.timer_cancelled(self)

    def cancelled(self) -> bool:
        """Tell whether it was forgotten."""
        return self._cancelled

    def when(self) -> float:
        """Return when it is due, in the loop's seconds."""
        return (self.due_ms - self._loop.start_ms) / 1000

    def fire(self) -> None:
        """Queue the callback."""
        self.fired = True
        self._loop.put(self._ready)
