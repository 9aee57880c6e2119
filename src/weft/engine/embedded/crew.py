"""Tasks that make attempts, used again: a task for each attempt would cost more than the attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, copy_context
from typing import Any

from weft.model.call import Outcome

TURN = 256
"""Attempts that one worker makes before the loop gets a turn."""

Ended = Callable[["Attempt", Outcome | None], None]


class Attempt:
    """One attempt on its way; `cancel` ends it, and it then has no outcome."""

    __slots__ = ("_worker", "cancelled", "ended", "make")

    def __init__(self, make: Callable[[], Awaitable[Outcome]], ended: Ended) -> None:
        self.make = make
        self.ended = ended
        self.cancelled = False
        self._worker: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """End the attempt: before it begins, or by cancelling what it awaits."""
        self.cancelled = True
        if self._worker is not None:
            self._worker.cancel()

    def begin(self, worker: asyncio.Task[None]) -> None:
        """Note who makes the attempt."""
        self._worker = worker

    def end(self) -> None:
        """Note that nobody makes it any more."""
        self._worker = None


class Crew:
    """Workers that make attempts, as many as there are attempts that wait for something.

    An attempt that ends without waiting costs no task and no turn of the loop. A worker that comes to wait wakes
    another for the attempts behind it. Outcomes are told in plain callbacks, many in one: runs are not stepped inside
    a task. A worker whose context an attempt has changed is not used again, so nothing leaks from call to call.
    """

    def __init__(self) -> None:
        self._queue: deque[Attempt] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._news: list[tuple[Attempt, Outcome | None]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._waking = False
        self._closed = False

    def start(self, attempt: Attempt) -> None:
        """Make an attempt, soon."""
        self._queue.append(attempt)
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
        worker.add_done_callback(self._workers.discard)

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
                if copy_context() != clean:
                    self._hand_on()
                    return
            if self._queue:
                self._hand_on()
                await asyncio.sleep(0)
                continue
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    async def _make(self, attempt: Attempt, me: asyncio.Task[None]) -> None:
        outcome: Outcome | None = None
        if not attempt.cancelled:
            attempt.begin(me)
            try:
                outcome = await _Watched(attempt.make(), self._hand_on)
            except asyncio.CancelledError:
                if self._closed or not attempt.cancelled:
                    raise
            finally:
                attempt.end()
                while me.cancelling() and not self._closed:
                    me.uncancel()
        if not self._news:
            asyncio.get_running_loop().call_soon(self._tell, context=Context())
        self._news.append((attempt, outcome))

    def _hand_on(self) -> None:
        """Let another worker go on with the queue: this one has come to wait, or ends."""
        if self._queue and not self._waking and not self._closed:
            self._wake()

    def _tell(self) -> None:
        news, self._news = self._news, []
        for attempt, outcome in news:
            attempt.ended(attempt, outcome)

    async def close(self) -> None:
        """End every worker; attempts under way are cancelled and have no outcome."""
        self._closed = True
        self._queue.clear()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._news.clear()


class _Watched:
    """An await that says when it first comes to wait."""

    __slots__ = ("_awaited", "_waits")

    def __init__(self, awaited: Awaitable[Outcome], waits: Callable[[], None]) -> None:
        self._awaited = awaited
        self._waits = waits

    def __await__(self) -> Generator[Any, Any, Outcome]:
        steps = self._awaited.__await__()
        try:
            waited = next(steps)
        except StopIteration as end:
            return end.value
        self._waits()
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
