"""The loop that one run lives on: a first-in first-out queue, no threads, no sockets, time as it is told.

Nothing in asyncio is patched: tasks and futures are subclasses whose hash is stable, so that sets of them iterate
alike at every replay.
"""

from __future__ import annotations

import asyncio
import math
import sys
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, Protocol

from weft.engine.execution.guards import GuardedLoop, refuse
from weft.engine.execution.paths import TaskPath, is_asyncio, line_of_caller, place
from weft.errors import DrainTooLong
from weft.ids import digest

DRAIN_LIMIT = 100_000
"""Callbacks in one drain; past it the run is blocked."""

LONGEST_TIMER_MS = 100 * 365 * 86_400_000
CLOSER_LIMIT = 1_000
"""How often a coroutine that is being evicted may await again before it is dropped."""

_HASH_STEP = 0x9E3779B97F4A7C15
_HASH_MASK = (1 << 61) - 1


class RunEvicted(BaseException):
    """Leave memory: the run goes on from its journal; not a cancellation, so sagas do not unwind."""


class Timers(Protocol):
    """Where the loop's timers go."""

    def timer_set(self, timer: RunTimer) -> None:
        """Note a new timer."""
        ...

    def timer_cancelled(self, timer: RunTimer) -> None:
        """Note that a timer is not wanted any more."""
        ...


class Ready:
    """A callback in the queue."""

    __slots__ = ("_args", "_callback", "_cancelled", "_context", "origin")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self._callback = callback
        self._args = args
        self._context = context
        self._cancelled = False
        self.origin: Any = None

    def cancel(self) -> None:
        """Forget the callback."""
        self._cancelled = True

    def cancelled(self) -> bool:
        """Tell whether it was forgotten."""
        return self._cancelled

    def run(self) -> None:
        """Call back, unless forgotten."""
        if not self._cancelled:
            self._context.run(self._callback, *self._args)

    @property
    def subject(self) -> object:
        """Return the task that is stepped, or whose end is told."""
        owner = getattr(self._callback, "__self__", None)
        if isinstance(owner, RunTask):
            return owner
        return self._args[0] if self._args else None


class RunTimer:
    """A durable timer; asyncio knows it as a TimerHandle."""

    __slots__ = ("_cancelled", "_loop", "_ready", "due_ms", "fired", "path")

    def __init__(self, loop: RunLoop, *, due_ms: int, ready: Ready, path: str) -> None:
        self._loop = loop
        self._ready = ready
        self._cancelled = False
        self.due_ms = due_ms
        self.path = path
        self.fired = False
        ready.origin = loop.scope_of_current()

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


class RunFuture(asyncio.Future[Any]):
    """A future of a run's loop, with a stable hash."""

    def __init__(self, *, loop: RunLoop) -> None:
        self._number = loop.next_number()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class RunTask(asyncio.Task[Any]):
    """A task of a run's loop: stable hash, structural path, the saga it is in, and cancellations held back.

    While the task is unreachable (it waits for an unwinding) or the loop holds for it (an irreversible call was sent),
    a cancellation is kept and not delivered; `release` delivers what was kept.
    """

    def __init__(self, coro: Coroutine[Any, Any, Any], *, loop: RunLoop, path: TaskPath, context: Context | None) -> None:
        self._number = loop.next_number()
        self.path = path
        self.scope: Any = loop.scope_of_current()
        self.held: list[Any] = []
        self.unreachable = False
        self.line = ""
        self._run_loop = loop
        super().__init__(coro, loop=loop, name=path.prefix, context=context)

    def __hash__(self) -> int:
        return self._number

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the task to cancel, now or once what it waits for has come to rest."""
        if self.done():
            return False
        if self.unreachable or self._run_loop.holds(self):
            self.held.append(msg)
            return True
        return super().cancel(msg)

    def uncancel(self) -> int:
        """Take one cancellation back: one held back before one that was delivered."""
        if self.held:
            self.held.pop()
            return self.cancelling()
        return super().uncancel()

    def release(self) -> bool:
        """Deliver the cancellations held back; the next await raises. Tell whether there were any."""
        held, self.held = self.held, []
        for message in held:
            super().cancel(message)
        return bool(held)


class RunLoop(GuardedLoop):
    """An event loop for one run, drained once for each entry."""

    def __init__(self, *, name: str, timers: Timers, drain_limit: int = DRAIN_LIMIT) -> None:
        self._ready: deque[Ready] = deque()
        self._base = int.from_bytes(digest(name.encode())[:7])
        self._count = 0
        self._drain_limit = drain_limit
        self._prune_at = 64
        self._root_path = TaskPath("callback/")
        self.timers = timers
        self.start_ms = 0
        self.now_ms = 0
        self.tasks: list[RunTask] = []
        self.dead = False
        self.handle: Ready | None = None
        self.noticed: list[dict[str, Any]] = []
        self.holds: Callable[[RunTask], bool] = _holds_nothing

    def next_number(self) -> int:
        """Return a hash that depends on the run's name and on the order of creation only."""
        self._count += 1
        return (self._base + self._count * _HASH_STEP) & _HASH_MASK

    @property
    def current(self) -> RunTask | None:
        """Return the task that is running."""
        task: Any = asyncio.current_task(self)
        return task

    def scope_of_current(self) -> Any:
        """Return the saga that a task made now belongs to."""
        task = self.current
        return None if task is None else task.scope

    def origin(self) -> Any:
        """Return the saga that what runs now belongs to: a task's, that of a task whose end is told, a timer's."""
        task = self.current
        if task is not None:
            return task.scope
        if self.handle is None:
            return None
        subject = self.handle.subject
        return subject.scope if isinstance(subject, RunTask) else self.handle.origin

    def line(self) -> str:
        """Return `file:line` of the workflow's code that is running, or that made the task that is."""
        line = line_of_caller(2)
        if not line:
            task = self.current
            return "" if task is None else task.line
        return line

    def path(self) -> TaskPath:
        """Return the path of the running task, or that of bare callbacks."""
        task = self.current
        return self._root_path if task is None else task.path

    # What asyncio asks of a loop.

    def time(self) -> float:
        """Return seconds since the run's start."""
        return (self.now_ms - self.start_ms) / 1000

    def get_debug(self) -> bool:
        """Return that debug mode is off."""
        return False

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - asyncio's signature
        """Refuse debug mode."""
        if enabled:
            refuse("asyncio's debug mode", "leave it off")

    def is_running(self) -> bool:
        """Return that the loop runs while it is drained."""
        return events._get_running_loop() is self  # noqa: SLF001 - asyncio's own way to ask

    def is_closed(self) -> bool:
        """Tell whether the run has left memory."""
        return self.dead

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        """Queue a callback."""
        if self.dead:
            raise RunEvicted
        ready = Ready(callback, args, copy_context() if context is None else context)
        self._ready.append(ready)
        return ready

    def put(self, ready: Ready) -> None:
        """Queue a callback that is already made."""
        self._ready.append(ready)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Set a durable timer; delays round up to a millisecond and are at least one."""
        self._refuse_odd(delay)
        delay_ms = max(1, math.ceil(round(delay * 1000, 3)))
        return self._timer(self.now_ms + delay_ms, Ready(callback, args, context or copy_context()))

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        """Set a durable timer at a time of the loop."""
        self._refuse_odd(when)
        due_ms = self.start_ms + math.ceil(round(when * 1000, 3))
        return self._timer(max(self.now_ms + 1, due_ms), Ready(callback, args, context or copy_context()))

    def _refuse_odd(self, seconds: float) -> None:
        if not seconds * 1000 < LONGEST_TIMER_MS:
            refuse(f"a timer of {seconds} seconds", "wait at most a hundred years, or for a message without a limit")

    def _timer(self, due_ms: int, ready: Ready) -> RunTimer:
        if self.dead:
            raise RunEvicted
        timer = RunTimer(self, due_ms=due_ms, ready=ready, path=self.path().next("timer"))
        self.timers.timer_set(timer)
        return timer

    def create_future(self) -> RunFuture:
        """Return a future of this loop."""
        return RunFuture(loop=self)

    def create_task(
        self, coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """Return a task whose path follows from who makes it."""
        if self.dead:
            raise RunEvicted
        if options.get("eager_start"):
            refuse("an eager task", "make an ordinary task")
        path = self._path_of_new_task()
        task = RunTask(coro, loop=self, path=path, context=options.get("context"))  # pyright: ignore[reportArgumentType]
        task.line = line_of_caller(1)
        self.tasks.append(task)
        if len(self.tasks) > self._prune_at:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._prune_at = max(64, 2 * len(self.tasks))
        return task

    def _path_of_new_task(self) -> TaskPath:
        frame = sys._getframe(2)  # noqa: SLF001 - who makes the task decides its path
        if not is_asyncio(frame, "ensure_future", "_ensure_future"):
            return self.path().child()
        for _ in range(4):
            if frame.f_back is None:
                break
            frame = frame.f_back
            if is_asyncio(frame, "wait_for"):
                return self.path()
            if is_asyncio(frame, "as_completed") or frame.f_code.co_qualname.startswith("_AsCompletedIterator"):
                refuse("as_completed over bare coroutines", "make tasks of them first: their order is then stable")
        return self.path().child()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio reports of a callback, for the engine's log."""
        if not self.dead:
            self.noticed.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio reports of a callback, for the engine's log."""
        self.call_exception_handler(context)

    def get_exception_handler(self) -> None:
        """Return that there is none."""

    def get_task_factory(self) -> None:
        """Return that there is none."""

    async def shutdown_asyncgens(self) -> None:
        """Do nothing: generators are closed with the tasks that use them."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Do nothing: there is no executor."""

    # What the execution asks of it.

    def drain(self) -> None:
        """Run the queue until it is empty.

        Raises:
            DrainTooLong: it does not end.
        """
        outer = events._get_running_loop()  # noqa: SLF001
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)  # noqa: SLF001
        # Generators of this run must not meet the outer loop's hooks, which would close them on another loop.
        sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
        try:
            self._drain()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)  # noqa: SLF001

    def _drain(self) -> None:
        ready = self._ready
        left = self._drain_limit
        while ready:
            handle = ready.popleft()
            self.handle = handle
            try:
                handle.run()
            except Exception as error:  # noqa: BLE001 - the border of bare callbacks, as in asyncio's own loop
                self.call_exception_handler({"message": "exception in a callback", "exception": error})
            left -= 1
            if left < 0:
                what = f"a step ran {self._drain_limit:,} callbacks and did not end"
                raise DrainTooLong(what, where=where_is(handle.subject))
        self.handle = None

    def evict(self) -> None:
        """Throw RunEvicted into every task, in order of id, until none is suspended; break the cycles."""
        self.dead = True
        outer = events._get_running_loop()  # noqa: SLF001
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)  # noqa: SLF001
        sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
        try:
            for task in self.tasks:
                task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]  # noqa: SLF001
                if not task.done():
                    _close(task.get_coro())
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)  # noqa: SLF001
        self.tasks.clear()
        self._ready.clear()
        self.handle = None


def _holds_nothing(_task: RunTask) -> bool:
    return False


def _close(coro: Any) -> None:
    for _ in range(CLOSER_LIMIT):
        try:
            coro.throw(RunEvicted())
        except BaseException:  # noqa: BLE001 - whatever leaves it, the coroutine has ended
            return


def where_is(subject: object) -> str:
    """Return `file:line` at which a task is suspended, in its innermost frame that is not asyncio's or weft's."""
    if not isinstance(subject, RunTask):
        return ""
    coro: Any = subject.get_coro()
    found = ""
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
        if frame is not None and "/asyncio/" not in frame.f_code.co_filename:
            found = place(frame)
        coro = getattr(coro, "cr_await", None)
    return found
