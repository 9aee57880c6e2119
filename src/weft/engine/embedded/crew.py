"""Tasks that make attempts, used again: a task for each attempt would cost more than the attempt."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Generator
from contextvars import Context, copy_context
from typing import Any, Protocol

from weft.errors import OutcomeUnknown
from weft.model.call import Outcome

log = logging.getLogger("weft.engine")

TURN = 256
"""Attempts that one worker makes before the loop gets a turn."""

_EMPTY = Context()

_INTERRUPTS = (KeyboardInterrupt, SystemExit)


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

    def ended(self, outcome: Outcome | None) -> None:
        """Take the outcome, in a plain callback; nothing if it was cancelled."""
        ...


class Crew:
    """Workers that make attempts, as many as there are attempts that wait for something.

    An attempt that ends without waiting costs no task and no turn of the loop. A worker that comes to wait wakes
    another for the attempts behind it. Outcomes are told in plain callbacks, many in one: runs are not stepped inside
    a task. A worker whose context an attempt has changed is not used again, so nothing leaks from call to call.
    """

    def __init__(self) -> None:
        self._queue: deque[Job] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._news: list[tuple[Job, Outcome | None]] = []
        self._workers: set[asyncio.Task[None]] = set()
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
        worker = loop.create_task(self._work(), context=Context())
        self._workers.add(worker)
        worker.add_done_callback(self._gone)

    def _gone(self, worker: asyncio.Task[None]) -> None:
        # However a worker ended, also cancelled by a stranger before its first step: what is queued is still made.
        self._workers.discard(worker)
        self._waking = False
        self._hand_on()

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None, "a worker is a task"
        clean = copy_context()
        while not self._closed:
            self._waking = False
            for _ in range(TURN):
                if not self._queue:
                    break
                await self._make(self._queue.popleft(), me)
                # A worker that was cancelled is not used again either: its next await would end another's attempt.
                if copy_context() != clean or me.cancelling():
                    self._hand_on()
                    return
            if self._queue:
                self._hand_on()
                await asyncio.sleep(0)
                continue
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    async def _make(self, job: Job, me: asyncio.Task[None]) -> None:
        outcome: Outcome | None = None
        interrupt: BaseException | None = None
        if not job.cancelled:
            job.worker = me
            try:
                steps = job.make().__await__()
                try:
                    waited = next(steps)
                except StopIteration as end:  # most attempts on one machine never wait: they cost no more than this
                    outcome = end.value
                else:
                    self._hand_on()
                    outcome = await _Rest(steps, waited)
            except asyncio.CancelledError as error:
                if self._closed:
                    raise
                if not job.cancelled:
                    outcome = _unknown("somebody cancelled the attempt", error, reason="cancelled")
            except GeneratorExit:  # the loop itself is gone: there is nobody to tell
                raise
            # A border: a handler that breaks its promise, by whatever it raises, must not leave its call hanging.
            except BaseException as error:
                log.exception("a handler raised")
                outcome = _unknown(f"the handler raised {type(error).__name__}: {error}", error, reason="handler")
                interrupt = error if isinstance(error, _INTERRUPTS) else None
            finally:
                job.worker = None
        if not self._news:
            asyncio.get_running_loop().call_soon(self._tell, context=_EMPTY)
        self._news.append((job, outcome))
        if interrupt is not None:
            raise interrupt

    def _hand_on(self) -> None:
        """Let another worker go on with the queue: this one has come to wait, or ends."""
        if self._queue and not self._waking and not self._closed:
            self._wake()

    def _tell(self) -> None:
        news, self._news = self._news, []
        for job, outcome in news:
            try:
                job.ended(outcome)
            except Exception:  # a border: what goes wrong with one call must not keep the others from their outcomes
                log.exception("an outcome could not be told")

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

    def __init__(self, steps: Generator[Any, Any, Outcome], waited: Any) -> None:
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
