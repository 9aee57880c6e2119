"""The loop that one run lives on: a first-in first-out queue, no threads, no sockets, time as it is told.

Nothing in asyncio is patched: tasks and futures are subclasses whose hash is stable, so that sets of them iterate
alike at every replay.
"""

from __future__ import annotations

import asyncio
import math
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any
from zlib import crc32

from weft.engine.execution.eviction import Generators, RunEvicted, close
from weft.engine.execution.guards import GuardedLoop, refuse
from weft.engine.execution.handles import Ready, RunTimer, Timers
from weft.engine.execution.paths import TaskPath, line_above, line_of_caller, made_by, place_suspended
from weft.engine.execution.turn import Turn
from weft.errors import DrainTooLong

DRAIN_LIMIT = 100_000
"""Callbacks in one drain; past it the run is blocked."""

LONGEST_TIMER_MS = 100 * 365 * 86_400_000
NOTICED_LIMIT = 100
"""Reports of asyncio that are kept between two steps."""

_HASH_STEP = 0x9E3779B97F4A7C15
_HASH_MASK = (1 << 61) - 1


class RunFuture(asyncio.Future[Any]):
    """A future of a run's loop, with a stable hash: numbered when it is first asked for it, as few ever are."""

    __slots__ = ()
    _number = 0

    def __hash__(self) -> int:
        if not self._number:
            loop: Any = self.get_loop()
            self._number = loop.next_number()
        return self._number


class RunTask(asyncio.Task[Any]):
    """A task of a run's loop: stable hash, structural path, the saga it is in, and cancellations held back.

    While the task is unreachable (it waits for an unwinding) or the loop holds for it (an irreversible call was sent),
    a cancellation is kept and not delivered; `release` delivers what was kept.
    """

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        loop: RunLoop,
        path: TaskPath,
        context: Context | None,
        name: str | None = None,
    ) -> None:
        self._number = loop.next_number()
        self.path = path
        self.scope: Any = loop.origin()
        self.held: list[tuple[Any, Any]] = []
        self.unreachable = False
        self.line = ""
        self.run_context = copy_context() if context is None else context
        self._run_loop = loop
        super().__init__(coro, loop=loop, name=path.prefix if name is None else name, context=self.run_context)

    def __hash__(self) -> int:
        return self._number

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the task to cancel, now or once what it waits for has come to rest."""
        if self.done():
            return False
        origin = self._run_loop.origin()
        if self._holds(origin):
            self.held.append((msg, origin))
            return True
        return super().cancel(msg)

    def uncancel(self) -> int:
        """Take one cancellation back.

        Who asks knows neither of the ones held back for others nor whether its own was delivered: first goes one that
        was held and is held no longer, then one that was delivered. One that the task's saga still holds back comes
        from outside of it, and whoever asks is inside.
        """
        for index in reversed(range(len(self.held))):
            if not self._holds(self.held[index][1]):
                del self.held[index]
                return self.cancelling()
        return super().uncancel()

    def release(self) -> bool:
        """Deliver the cancellations that nothing holds back any more; the next await raises. Tell if there were any."""
        if self.done():
            return False
        held = [pair for pair in self.held if self._holds(pair[1])]
        due = [pair for pair in self.held if pair not in held]
        self.held = held
        for message, _ in due:
            super().cancel(message)
        return bool(due)

    def _holds(self, origin: Any) -> bool:
        return self.unreachable or self._run_loop.holds(self, origin)


class RunLoop(GuardedLoop):
    """An event loop for one run, drained once for each entry."""

    def __init__(self, *, name: str, timers: Timers, drain_limit: int = DRAIN_LIMIT, turn: Turn | None = None) -> None:
        self._ready: list[Ready] = []
        self._base = crc32(name.encode())
        self._count = 0
        self._drain_limit = drain_limit
        self._turn = turn or Turn()
        self._prune_at = 64
        self._root_path: TaskPath | None = None
        self.timers = timers
        self.start_ms = 0
        self.now_ms = 0
        self.tasks: list[RunTask] = []
        self.dead = False
        self.draining = False
        self.handle: Ready | None = None
        self.noticed: list[dict[str, Any]] = []
        self.holds: Callable[[RunTask, Any], bool] = _holds_nothing
        self._generators = Generators()

    def next_number(self) -> int:
        """Return a hash that depends on the run's name and on the order of creation only."""
        self._count += 1
        return (self._base + self._count * _HASH_STEP) & _HASH_MASK

    @property
    def current(self) -> RunTask | None:
        """Return the task that is running."""
        task: Any = asyncio.current_task(self)
        if task is not None and not isinstance(task, RunTask):
            refuse("a task that the run's loop did not make", "use asyncio.create_task or a TaskGroup")
        return task

    def origin(self) -> Any:
        """Return the saga that what runs now belongs to: a task's, that of a task whose end is told, a callback's."""
        handle = self.handle
        if handle is None:
            return None
        task = asyncio.current_task(self)
        if isinstance(task, RunTask):
            return task.scope
        for subject in handle.subjects:
            if isinstance(subject, RunTask):
                return subject.scope
        return handle.origin

    def line(self) -> str:
        """Return `file:line` of the workflow's code that is running, or that made the task that is."""
        line = line_above(sys._getframe(2))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way to the caller
        if not line:
            task = self.current
            return "" if task is None else task.line
        return line

    def waits_at(self) -> str:
        """Return `file:line` at which the first task that has not ended waits; nothing if all have."""
        return next((place_suspended(task.get_coro()) for task in self.tasks if not task.done()), "")

    def path(self) -> TaskPath:
        """Return the path of the running task, or that of bare callbacks."""
        task = self.current
        if task is not None:
            return task.path
        if self._root_path is None:
            self._root_path = TaskPath("callback/")
        return self._root_path

    # What asyncio asks of a loop.

    def time(self) -> float:
        """Return seconds since the run's start."""
        return (self.now_ms - self.start_ms) / 1000

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
        origin = None if self.handle is None else self.origin()
        ready = Ready(callback, args, copy_context() if context is None else context, origin)
        self._ready.append(ready)
        return ready

    def _make_ready(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> Ready:
        return Ready(callback, args, copy_context() if context is None else context, self.origin())

    def put(self, ready: Ready) -> None:
        """Queue a callback that is already made."""
        self._ready.append(ready)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Set a durable timer; delays round up to a millisecond and are at least one."""
        self._refuse_odd(delay)
        delay_ms = max(1, math.ceil(round(delay * 1000, 3)))
        return self._timer(self.now_ms + delay_ms, self._make_ready(callback, args, context))

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        """Set a durable timer at a time of the loop."""
        self._refuse_odd(when)
        due_ms = self.start_ms + math.ceil(round(when * 1000, 3))
        return self._timer(max(self.now_ms + 1, due_ms), self._make_ready(callback, args, context))

    def _refuse_odd(self, seconds: float) -> None:
        if not abs(seconds) * 1000 < LONGEST_TIMER_MS:
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
        if self.dead or options.get("eager_start"):
            coro.close()
            if self.dead:
                raise RunEvicted
            refuse("an eager task", "make an ordinary task")
        path = self._path_of_new_task(coro)
        context, name = options.get("context"), options.get("name")
        task = RunTask(coro, loop=self, path=path, context=context, name=name)  # pyright: ignore[reportArgumentType]
        task.line = line_of_caller(1)
        self.tasks.append(task)
        if len(self.tasks) > self._prune_at:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._prune_at = max(64, 2 * len(self.tasks))
        return task

    def _path_of_new_task(self, coro: Any) -> TaskPath:
        maker = made_by(3)
        if maker == "wait_for":
            return self.path()
        if maker == "as_completed":
            coro.close()
            refuse("as_completed over bare coroutines", "make tasks of them first: their order is then stable")
        return self.path().child()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio reports of a callback, for the engine's log."""
        if not self.dead and len(self.noticed) < NOTICED_LIMIT:
            self.noticed.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio reports of a callback, for the engine's log."""
        self.call_exception_handler(context)

    # What the execution asks of it.

    def drain(self) -> None:
        """Run the queue until it is empty.

        Raises:
            DrainTooLong: it does not end.
        """
        if not self._ready:
            return
        turn = self._turn
        if not turn.is_open:
            with turn:
                self.drain()
            return
        self._enter()
        self.draining = True
        try:
            self._drain()
        finally:
            self.draining = False
            events._set_running_loop(turn.outer)  # noqa: SLF001

    def _enter(self) -> None:
        """Be the running loop, where generators meet hooks of the run's own."""
        events._set_running_loop(self)  # noqa: SLF001
        sys.set_asyncgen_hooks(self._generators.begin, self._drop_generator)

    def _drain(self) -> None:
        left = self._drain_limit
        # A list at a time is first in, first out as well: what is queued meanwhile comes behind all of it. A deque
        # would keep 600 bytes for each run that waits.
        while self._ready:
            ready, self._ready = self._ready, []
            for handle in ready:
                if not handle.forgotten:
                    self.handle = handle
                    try:
                        handle.context.run(handle.callback, *handle.args)
                    except KeyboardInterrupt:
                        raise
                    except BaseException as error:  # noqa: BLE001 - the border of bare callbacks, as in asyncio's own loop
                        # asyncio raises SystemExit out of a task's step, too: it ends the run, not the engine.
                        self.call_exception_handler({"message": "exception in a callback", "exception": error})
                left -= 1
                if left < 0:
                    what = f"a step ran {self._drain_limit:,} callbacks and did not end"
                    raise DrainTooLong(what, where=_where_is(handle))
        self.handle = None

    def _drop_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Close a generator that the run's code has dropped; one that the collector found waits for the eviction."""
        if self.draining:
            self.create_task(generator.aclose())
        else:
            self._generators.keep(generator)

    def _throw(self, suspended: list[RunTask]) -> None:
        with self._turn:
            self._enter()
            try:
                for task in suspended:
                    task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]  # noqa: SLF001
                    task.run_context.run(close, task.get_coro())
                self._generators.close(self.tasks[0].run_context if self.tasks else Context())
            finally:
                events._set_running_loop(self._turn.outer)  # noqa: SLF001

    def evict(self) -> None:
        """Throw RunEvicted into every task, in order of id, until none is suspended; break the cycles."""
        self.dead = True
        suspended = [task for task in self.tasks if not task.done()]
        if suspended or self._generators:
            self._throw(suspended)
        self.tasks.clear()
        self._ready.clear()
        self.noticed.clear()
        self.handle = None
        self.timers = _NO_TIMERS
        self.holds = _holds_nothing


class _NoTimers:
    """Where the timers of a run that has left memory go: nowhere, so that it refers to nothing any more."""

    def timer_set(self, timer: RunTimer) -> None:
        """Note nothing."""

    def timer_cancelled(self, timer: RunTimer) -> None:
        """Note nothing."""


_NO_TIMERS = _NoTimers()


def _holds_nothing(_task: RunTask, _origin: object) -> bool:
    return False


def _where_is(handle: Ready) -> str:
    task = next((subject for subject in handle.subjects if isinstance(subject, RunTask)), None)
    return "" if task is None else place_suspended(task.get_coro())
