"""One thread that commits: everything that became ready while it was busy is its next transaction."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any

from weft.engine.embedded.batch import Batch
from weft.engine.embedded.store import Store
from weft.errors import StoreFailed

STAGED_ROWS = 1_024
"""Batches up to this size are executed on the loop, about two microseconds a row; larger ones by the thread."""

YIELD_S = 0.000_3
"""How long the loop stands aside for the writer when a commit begins, and at each look: most commits end within."""

LOOK_EVERY_S = 0.001
"""How often a busy loop stands aside while a commit is under way."""

Done = Callable[[], None]
Failed = Callable[[StoreFailed], None]
Told = Callable[[Any], None]

Waiting = tuple[Done, Failed | None]


def _nobody(_what: Any) -> None:
    """Be told, and do nothing."""


@dataclass(frozen=True, slots=True)
class _News:
    """What is told to those who waited together: their commit, its failure, or that there was nothing to write."""

    waiting: list[Waiting]
    committed: bool = False
    error: StoreFailed | None = None


class Writer:
    """Collect what becomes ready, commit it, and tell those who wait for it, in the order they came.

    Each turn of the loop appends to `batch`, says `after_commit`, and asks for a commit with `schedule`. While one
    is under way the next batch grows: the slower the disk, the larger the groups. A failed commit fails everybody
    who waits, at once and for ever: nobody hangs, and nothing more is accepted.

    **The interpreter lock decides the speed.** Measured on CPython 3.11 with two cores, 256 runs of six commits at
    once, beside something else that the loop always has ready:

    - A thread that comes out of SQLite waits up to 5 ms for the lock, each time. `executemany` comes out once a row
      (900 rows a second), five statements of many rows five times (12,000). So the statements are executed on the
      loop, which has the lock, and the thread makes one call only: COMMIT, which is where the disk is.
    - A loop that lets go of the lock more often than every 5 ms, as every loop of short callbacks does in `select`,
      takes it back before the thread wakes, and the thread may wait for seconds (245 runs a second, 2 s at worst).
      So the loop stands aside for a moment, when a commit begins and every millisecond until it has ended (6,800
      runs a second).

    With nothing else on the loop neither matters (8,200 runs a second either way, of 15 microseconds a step). With a
    million finished runs in the store a run costs as much as in an empty one, and 7 % more where run ids are random.

    Attributes:
        batch: what the next commit writes.
        failed: why nothing is accepted any more.
        told: is told, after the commit, what `tell_after_commit` was given.
    """

    def __init__(
        self,
        store: Store,
        loop: asyncio.AbstractEventLoop,
        *,
        on_failed: Failed,
        on_commit: Done | None = None,
    ) -> None:
        """Start the thread.

        Args:
            store: an owned store; from now on only the writer writes it.
            loop: the running loop; all methods are called on it.
            on_failed: told once when a commit has failed, before those who wait for it.
            on_commit: told after each commit, before those who wait for it.
        """
        self.batch = Batch()
        self.failed: StoreFailed | None = None
        self.told: Told = _nobody
        self._store = store
        self._loop = loop
        self._on_failed = on_failed
        self._on_commit = on_commit
        self._waiting: list[Waiting] = []
        self._alike: list[Any] | None = None
        self._under_way: list[Waiting] | None = None
        self._news: deque[_News] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._closed = False
        self._alarm: asyncio.TimerHandle | None = None
        # What the two threads pass to each other. Both locks are held from the start: the loop releases `_begin` to
        # hand a batch over, the thread releases `_end` to give it back; in between `_job` and `_error` belong to
        # the thread.
        self._begin = threading.Lock()
        self._end = threading.Lock()
        self._begin.acquire()
        self._end.acquire()
        self._job = Batch()
        self._looking = False
        self._over = False
        self._staged = False
        self._error: StoreFailed | None = None
        self._thread = threading.Thread(target=self._work, name="weft-writer", daemon=True)
        self._thread.start()

    def after_commit(self, done: Done, failed: Failed | None = None) -> None:
        """Call `done` once all that is in `batch` now is on the disk, or `failed` when it will not be.

        Both are plain callbacks on the loop, in an empty context, in the order of these calls, never from inside
        this one. With nothing in `batch` it waits for the commits before it and costs none.

        Raises:
            StoreFailed: a commit has failed before, or the writer is closed.
        """
        if self.failed is not None or self._closed:
            raise self._refusal()
        self._waiting.append((done, failed))
        self._alike = None

    def tell_after_commit(self, what: Any) -> None:
        """Call `told` with this as `after_commit` would: for the entries of runs, which are many.

        Those that come one after the other share a place in the order, and cost no callback each.

        Raises:
            StoreFailed: a commit has failed before, or the writer is closed.
        """
        alike = self._alike
        if alike is None:
            alike = list[Any]()
            self.after_commit(partial(self._tell_alike, alike))
            self._alike = alike
        alike.append(what)

    def schedule(self) -> None:
        """Commit when the loop's present turn is over; one turn has one commit, however often this is called."""
        if not self._scheduled and self._under_way is None and not self._closed and self.failed is None:
            self._scheduled = True
            self._loop.call_soon(self.flush, context=Context())

    def flush(self) -> None:
        """Hand over what has been collected, if the thread is free; else that happens when it is."""
        self._scheduled = False
        if self._under_way is None and not self._closed and self.failed is None and (self._waiting or self.batch):
            self._hand_over()

    @property
    def pending(self) -> bool:
        """Tell whether anything is collected, being committed, or committed and not told yet."""
        return self._under_way is not None or bool(self._waiting or self._news or self.batch)

    async def drained(self) -> None:
        """Wait until all is on the disk and told.

        Raises:
            StoreFailed: a commit failed.
        """
        while self._expects() and not self._closed:
            self.schedule()
            idle: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(idle)
            await idle
        if self.failed is not None:
            raise self._refusal()

    async def close(self) -> None:
        """End the thread after the commit under way; harmless the second time.

        What is still collected is not written and fails; nobody is told of a commit after this. `drained` comes
        first where that is not wanted.
        """
        self._closed = True
        try:
            while self._under_way is not None:
                idle: asyncio.Future[None] = self._loop.create_future()
                self._idle.append(idle)
                await idle
            for news in (*self._news, _News(self._waiting)):
                self._tell_failed(news, self._refusal())
            self._news.clear()
            self._waiting, self._alike, self.batch = [], None, Batch()
            self._wake_idle()
        finally:
            self._join()

    def _join(self) -> None:
        """Wait for the thread, also where the closing was cancelled: to close the connection of a commit is fatal."""
        self._over = True
        if self._thread.is_alive():
            if self._begin.locked():
                self._begin.release()
            self._thread.join()

    # --- on the loop -------------------------------------------------------------------------------------------------

    def _hand_over(self) -> None:
        batch, waiting = self.batch, self._waiting
        self.batch, self._waiting, self._alike = Batch(), [], None
        if not batch:
            self._announce(_News(waiting))
            return
        self._under_way = waiting
        self._job = batch
        try:
            self._staged = batch.size <= STAGED_ROWS and self._store.stage(batch)
        except StoreFailed as error:
            self._fail(error)
            return
        self._begin.release()
        self._look()

    def _look(self) -> None:
        """Stand aside so that the thread gets the interpreter lock, and see whether it has finished."""
        self._alarm = None
        if self._under_way is None:
            return
        self._looking = True
        ended = self._end.acquire(timeout=YIELD_S)
        self._looking = False
        if ended:
            self._ended()
        elif self._thread.is_alive():
            self._alarm = self._loop.call_later(LOOK_EVERY_S, self._look, context=Context())
        elif self._end.acquire(blocking=False):  # it failed, said so and ended between the two looks
            self._ended()
        else:
            self._fail(StoreFailed("the writer's thread has died", where=str(self._store.path)))

    def _noticed(self) -> None:
        # The thread said that it has finished; a look may have seen it before.
        if self._under_way is not None and self._end.acquire(blocking=False):
            self._ended()

    def _ended(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._error is not None:
            self._fail(self._error)
            return
        waiting, self._under_way = self._under_way or [], None
        self._announce(_News(waiting, committed=True))
        # Before anybody is told: the disk works while the loop does.
        self.flush()

    def _fail(self, error: StoreFailed) -> None:
        self.failed = error
        refused = (self._under_way or []) + self._waiting
        self._under_way, self._waiting, self._alike, self.batch = None, [], None, Batch()
        self._announce(_News(refused, error=error))

    def _announce(self, news: _News) -> None:
        # Never told from here: `flush` may be called from inside a task, and runs are not stepped inside one.
        if not self._news and not self._closed:
            self._loop.call_soon(self._speak, context=Context())
        self._news.append(news)
        if self._closed:
            self._wake_idle()

    def _speak(self) -> None:
        while self._news and not self._closed:
            news = self._news[0]
            try:
                self._tell(news)
            except BaseException:
                # Somebody wants the engine gone (a simulated crash, an interrupt): say nothing more, write nothing
                # more.
                self._closed = True
                raise
            self._news.popleft()
        if not self._expects():
            self._wake_idle()

    def _expects(self) -> bool:
        # After a failure nothing that is collected goes anywhere: who waited for that would wait for ever.
        return self.pending if self.failed is None else bool(self._news)

    def _tell(self, news: _News) -> None:
        if news.error is not None:
            self._call(partial(self._on_failed, news.error))
            self._tell_failed(news, news.error)
            return
        if news.committed and self._on_commit is not None:
            self._on_commit()
        for done, _ in news.waiting:
            try:
                done()
            except Exception as error:  # noqa: BLE001 - a border: what one of them raises must not keep it from others
                self._report(done, error)

    def _tell_alike(self, alike: list[Any]) -> None:
        told = self.told
        for what in alike:
            try:
                told(what)
            except Exception as error:  # noqa: BLE001 - a border, as in `_tell`
                self._report(told, error)

    def _tell_failed(self, news: _News, error: StoreFailed) -> None:
        for _, failed in news.waiting:
            if failed is not None:
                self._call(partial(failed, error))

    def _call(self, callback: Done) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - a border: what one of them raises must not keep it from the others
            self._report(callback, error)

    def _report(self, callback: Callable[..., None], error: Exception) -> None:
        self._loop.call_exception_handler({"message": f"{callback} failed after a commit", "exception": error})

    def _wake_idle(self) -> None:
        idle, self._idle = self._idle, []
        for future in idle:
            if not future.done():
                future.set_result(None)

    def _refusal(self) -> StoreFailed:
        if self.failed is None:
            return StoreFailed("the writer is closed", where=str(self._store.path), remedy="open the engine again")
        # A copy for each: an exception that is raised many times collects the tracebacks of all.
        copy = StoreFailed(self.failed.what, where=self.failed.where, remedy=self.failed.advice, **self.failed.data)
        copy.__cause__ = self.failed
        return copy

    # --- on the thread -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            self._begin.acquire()
            if self._over:
                return
            try:
                if self._staged:
                    self._store.commit()
                else:
                    self._store.write(self._job)
            except StoreFailed as error:
                self._error = error
            except BaseException as error:  # noqa: BLE001 - a border: a thread that died in silence would hang all runs
                self._error = StoreFailed(f"the writer failed: {error!r}", where=str(self._store.path))
                self._error.__cause__ = error
            failed = self._error is not None
            # A loop that is looking needs no word, which costs it a turn and three system calls. Should it look away in
            # this very moment, it looks again within LOOK_EVERY_S.
            looking = self._looking
            self._end.release()
            if looking and not failed:
                continue
            try:
                self._loop.call_soon_threadsafe(self._noticed)
            except RuntimeError:
                return  # the loop is closed: nobody is left to be told
            if failed:
                return
