"""One write connection for all transactions of a database: they take turns, and share a commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from weft.data.port import closed, nested
from weft.data.sqlite.connection import Link, retry_while_busy, storage_failure, wait_for_lock
from weft.errors import CallFailed, TransactionMisused

GROUP_MEMBERS = 64
"""At most this many transactions share a commit."""

GROUP_TIME_S = 0.02
"""A commit waits for no further transaction once its first began this long ago."""

CLOSE_WAIT_S = 5.0
"""How long closing waits for transactions under way."""


class _Seat(asyncio.Future[CallFailed | None]):
    """A place in a shared commit: who waits there can be cancelled, but hears of it only once the commit has ended."""

    def cancel(self, msg: object = None) -> bool:
        """Refuse: what has begun on the disk ends there, and whoever asked for it must hear how."""
        del msg
        return False


class WriteSlot:
    """Let transactions run one after another on one connection, in savepoints of their own, and commit them together.

    Whoever waits for a commit is answered after it, so one flush to disk serves all who came meanwhile. Statements run
    where they are called, on the event loop: a point statement takes SQLite a few microseconds, a hop to a thread and
    back many times that, and a thread must win the interpreter lock back after every single step (measured in a sketch
    with 64 callers: 6,900 transactions a second so, 3,000 with each statement on a thread of the database; 2,700 and
    1,370 where the loop has other work). Only what waits for a disk is sent to a thread: the commit.
    """

    def __init__(self, link: Link, thread: ThreadPoolExecutor, *, lock_wait_s: float) -> None:
        self.link = link
        self.commits = 0
        self._thread = thread
        self._lock_wait_s = lock_wait_s
        self._loop = asyncio.get_running_loop()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._members: list[_Seat] = []
        self._holder: asyncio.Task[object] | None = None
        self._taken = False
        self._committing = False  # a commit is under way: nobody may begin
        self._closed = False
        self._group_began = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def shows_uncommitted(self) -> bool:
        """Tell whether the connection sees effects that are not on disk yet."""
        return bool(self._members)

    async def take(self) -> None:
        """Wait for the turn; on return the connection is in a transaction and nobody else uses it.

        Raises:
            TransactionMisused: The same task holds the turn already and would wait for itself, or all is closed.
            NotDone: Another process kept the file locked for too long, or the disk failed.
        """
        until = self._loop.time() + self._lock_wait_s
        task = asyncio.current_task()
        if self._closed:
            raise closed(self.link.path.name)
        if task is not None and self._holder is task:
            raise nested(self.link.path.name)
        if self._taken or self._committing:
            await self._wait_for_turn()
        self._taken = True
        self._holder = task
        self._idle.clear()
        if not self.link.raw.in_transaction:
            try:
                await wait_for_lock(self.link, "BEGIN IMMEDIATE", until=until)
            except BaseException:
                self.leave()
                raise
            self._group_began = self._loop.time()

    async def _wait_for_turn(self) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._queue.remove(turn)
            else:  # the turn came in the same moment: it must not be lost
                self.leave()
            raise

    def leave(self) -> None:
        """Give the turn to the next; what has been rolled back shares no commit."""
        self._holder = None
        full = self._group_is_full()
        if not full and self._pass_on():
            return
        self._taken = False
        if full:
            self._commit()
        else:
            # Not at once: whoever became ready in this round of the loop may still join.
            self._loop.call_soon(self._commit_if_alone)

    async def join(self) -> None:
        """Give the turn to the next and wait until the shared commit is on disk; no cancellation ends that wait.

        Raises:
            CancelledError: It is on disk, and somebody cancelled the wait meanwhile.
            NotDone: It failed, and nothing happened.
            OutcomeUnknown: The disk failed in the one moment where nobody can tell.
        """
        seat = _Seat(loop=self._loop)
        self._members.append(seat)
        self.leave()
        cancelled: asyncio.CancelledError | None = None
        while not seat.done():
            try:
                await seat
            except asyncio.CancelledError as error:
                cancelled = error
        failure = seat.result()
        if failure is not None:
            raise failure
        if cancelled is not None:
            raise cancelled

    def fail_group(self, error: BaseException, *, committing: bool = False) -> None:
        """Roll back all that share the commit under way and tell each of them; only the holder of the turn may."""
        members, self._members = self._members, []
        if self.link.raw.in_transaction:
            with suppress(sqlite3.Error):  # a rollback that fails has ended the transaction, too
                self.link.raw.execute("ROLLBACK")
        self._answer(members, error, committing=committing)

    def _group_is_full(self) -> bool:
        return len(self._members) >= GROUP_MEMBERS or self._loop.time() - self._group_began > GROUP_TIME_S

    def _pass_on(self) -> bool:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                self._taken = True  # from now on: nobody may come between
                return True
        return False

    def _commit_if_alone(self) -> None:
        if not self._taken and not self._committing:
            self._commit()

    def _commit(self) -> None:
        self._committing = True
        members, self._members = self._members, []
        if not members or not self.link.raw.in_transaction:
            if self.link.raw.in_transaction:
                self.link.raw.execute("ROLLBACK")
            self._done()
            return
        # Driven by callbacks, not by the task of a member: it may be cancelled, the others' commit may not.
        future = self._loop.run_in_executor(self._thread, self._commit_on_thread)
        future.add_done_callback(partial(self._committed, members))

    def _commit_on_thread(self) -> None:
        try:
            retry_while_busy(lambda: self.link.raw.execute("COMMIT"), self._lock_wait_s)
        except sqlite3.Error:
            if self.link.raw.in_transaction:
                self.link.raw.execute("ROLLBACK")
            raise

    def _committed(self, members: list[_Seat], future: asyncio.Future[None]) -> None:
        error = future.exception()
        self.commits += error is None
        self._answer(members, error, committing=True)
        self._done()

    def _answer(self, members: list[_Seat], error: BaseException | None, *, committing: bool) -> None:
        for member in members:
            if not member.done():
                failure = None if error is None else storage_failure(error, self.link.path, committing=committing)
                member.set_result(failure)

    def _done(self) -> None:
        self._committing = False
        if not self._pass_on():
            self._idle.set()

    async def close(self) -> None:
        """Let the transactions under way end, and roll back those that do not within `CLOSE_WAIT_S`."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self._idle.wait()
        except TimeoutError:
            closing = TransactionMisused(f"{self.link.path.name} was closed under a transaction")
            for turn in self._queue:
                if not turn.done():
                    turn.set_exception(closing)
            self.fail_group(closing)
