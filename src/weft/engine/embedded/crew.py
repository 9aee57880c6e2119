"""Tasks that make attempts, used again: a task for each attempt would cost more than the attempt."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from types import CoroutineType
from typing import Any, Protocol, TypeAlias, cast

from weft.errors import OutcomeUnknown
from weft.model.call import Outcome

log = logging.getLogger("weft.engine")

TURN = 256
"""Attempts that one worker makes before the loop gets a turn."""

_EMPTY = Context()

_INTERRUPTS = (KeyboardInterrupt, SystemExit)


Steps: TypeAlias = Generator[Any, Any, Outcome] | Coroutine[Any, Any, Outcome]
"""An attempt, made step by step."""


class Job(Protocol):
    """Something that a worker makes: one attempt of a call.

    Attributes:
        cancelled: it is not wanted any more; it then has no outcome.
        worker: who makes it now.
    """

    cancelled: bool
    worker: asyncio.Task[None] | None

    def make(self) -> Awaitable[Outcome]:
        """Return what a worker awaits."""
        ...

    def came_to_wait(self) -> None:
        """Take note that the attempt has not ended at once: it waits for something."""
        ...

    def ended(self, outcome: Outcome | None) -> None:
        """Take the outcome, in a plain callback; nothing if it was cancelled."""
        ...


class Crew:
    """Workers that make attempts, as many as there are attempts that wait for something.

    An attempt that ends without waiting costs no task and no turn of the loop. A worker that comes to wait wakes
    another for the attempts behind it. Outcomes are told in plain callbacks, many in one: runs are not stepped inside
    a task. A worker whose context an attempt has changed is not used again, so nothing leaks from call to call.

    Attributes:
        turn: around all outcomes that are told together.
    """

    def __init__(self, *, told: Callable[[], None] = lambda: None) -> None:
        """Make a crew.

        Args:
            told: called after outcomes were told.
        """
        self._queue: deque[Job] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._news: list[tuple[Job, Outcome | None]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._told = told
        self.turn: AbstractContextManager[None] = nullcontext()
        self._waking = False
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Tell whether an attempt waits for a worker, or has an outcome that is not told yet."""
        return bool(self._queue or self._news)

    def start(self, job: Job) -> None:
        """Make an attempt, soon."""
        job.cancelled = False
        self._queue.append(job)
        if not self._waking:
            self._wake()

    def _wake(self) -> None:
        """Have one worker look at the queue."""
        self._waking = True
        while self._idle:
            idle = self._idle.pop()
            if not idle.done():
                idle.set_result(None)
                return
        loop = asyncio.get_running_loop()
        context = Context()
        worker = loop.create_task(self._work(context), context=context)
        self._workers.add(worker)
        worker.add_done_callback(self._gone)

    def _gone(self, worker: asyncio.Task[None]) -> None:
        # However a worker ended, also cancelled by a stranger before its first step: what is queued is still made.
        self._workers.discard(worker)
        self._waking = False
        self._hand_on()

    async def _work(self, context: Context) -> None:
        me = asyncio.current_task()
        assert me is not None, "a worker is a task"
        queue = self._queue
        while not self._closed:
            self._waking = False
            for _ in range(TURN):
                if not queue:
                    break
                job = queue.popleft()
                rest = self._begin(job, me)
                if rest is not None:
                    await self._finish(job, rest)
                # A worker that was cancelled is not used again either: its next await would end another's attempt.
                if context or me.cancelling():
                    self._hand_on()
                    return
            if queue:
                self._hand_on()
                await asyncio.sleep(0)
                continue
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    def _begin(self, job: Job, me: asyncio.Task[None]) -> _Rest | None:
        """Make an attempt up to where it waits, and return the rest of it; nothing if that was all."""
        if job.cancelled:
            self._note(job, None)
            return None
        job.worker = me
        try:
            made = job.make()
            # A coroutine is stepped as it is: what its `__await__` returns is one object more.
            steps = cast("Steps", made if type(made) is CoroutineType else made.__await__())
            waited = steps.send(None)
        except StopIteration as end:  # most attempts on one machine never wait: they cost no more than this
            job.worker = None
            self._note(job, end.value)
        except BaseException as error:  # noqa: BLE001 - a border, see `_ended_by`
            job.worker = None
            self._ended_by(job, error)
        else:
            job.came_to_wait()
            self._hand_on()
            return _Rest(steps, waited)
        return None

    async def _finish(self, job: Job, rest: _Rest) -> None:
        try:
            outcome = await rest
        except BaseException as error:  # noqa: BLE001 - a border, see `_ended_by`
            self._ended_by(job, error)
        else:
            self._note(job, outcome)
        finally:
            job.worker = None

    def _ended_by(self, job: Job, error: BaseException) -> None:
        """Take what an attempt raised for its outcome: that alone must not leave its call hanging."""
        if isinstance(error, asyncio.CancelledError):
            if self._closed:
                raise error
            stranger = None if job.cancelled else _unknown("somebody cancelled the attempt", error, reason="cancelled")
            self._note(job, stranger)
            return
        if isinstance(error, GeneratorExit):  # the loop itself is gone: there is nobody to tell
            raise error
        # A handler has broken its promise.
        log.error("a handler raised", exc_info=error)
        self._note(job, _unknown(f"the handler raised {type(error).__name__}: {error}", error, reason="handler"))
        if isinstance(error, _INTERRUPTS):
            raise error

    def _note(self, job: Job, outcome: Outcome | None) -> None:
        if not self._news:
            asyncio.get_running_loop().call_soon(self._tell, context=_EMPTY)
        self._news.append((job, outcome))

    def _hand_on(self) -> None:
        """Let another worker go on with the queue: this one has come to wait, or ends."""
        if self._queue and not self._waking and not self._closed:
            self._wake()

    def _tell(self) -> None:
        news, self._news = self._news, []
        with self.turn:
            for job, outcome in news:
                try:
                    job.ended(outcome)
                except Exception:  # a border: what goes wrong with one call must not keep others from their outcomes
                    log.exception("an outcome could not be told")
        self._told()

    async def close(self) -> None:
        """End every worker; attempts under way are cancelled and have no outcome."""
        self._closed = True
        self._queue.clear()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._news.clear()


def cancel(job: Job) -> None:
    """End an attempt: before it begins, or by cancelling what it awaits."""
    job.cancelled = True
    if job.worker is not None:
        job.worker.cancel()


def _unknown(what: str, error: BaseException, *, reason: str) -> OutcomeUnknown:
    unknown = OutcomeUnknown(what, reason=reason)
    unknown.__cause__ = error
    return unknown


class _Rest:
    """The rest of an await whose first step has been made, and what that step waits for."""

    __slots__ = ("_steps", "_waited")

    def __init__(self, steps: Steps, waited: Any) -> None:
        self._steps = steps
        self._waited = waited

    def __await__(self) -> Generator[Any, Any, Outcome]:
        steps, waited = self._steps, self._waited
        while True:
            try:
                sent = yield waited
            except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to what is awaited
                step, value = steps.throw, error
            else:
                step, value = steps.send, sent
            try:
                waited = step(value)
            except StopIteration as end:
                return end.value
