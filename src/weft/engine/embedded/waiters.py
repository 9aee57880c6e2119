"""Who waits for commits and for the ends of runs; nobody waits for ever when the engine stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from weft.errors import RunCancelled, RunFailed, RunTerminated, WeftError
from weft.model.run import RunStatus

ERRORS = {RunStatus.FAILED: RunFailed, RunStatus.CANCELLED: RunCancelled, RunStatus.TERMINATED: RunTerminated}


class Waiters:
    """Futures that the engine owes an answer.

    Attributes:
        waking: ends that were told to somebody who has not gone on yet.
        woke: told when one of them has.
    """

    def __init__(self) -> None:
        self.waking = 0
        self.woke: Callable[[], None] = lambda: None
        self._commits: set[asyncio.Future[None]] = set()
        self._ends: dict[int, list[asyncio.Future[bytes]]] = {}

    def commit(self, done: asyncio.Future[None]) -> None:
        """Note a future that waits for a commit."""
        self._commits.add(done)

    def committed(self, done: asyncio.Future[None]) -> None:
        """Answer a future that waited for a commit."""
        self._commits.discard(done)
        if not done.done():
            done.set_result(None)

    async def wait(self, key: int) -> bytes:
        """Return the result of a run once it has ended.

        Raises:
            RunFailed: it did not end well.
        """
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        waiting = self._ends.setdefault(key, [])
        waiting.append(future)
        try:
            return await future
        finally:
            if future.done() and not future.cancelled():
                # A turn later: by then whoever waited has gone on to what is counted elsewhere.
                asyncio.get_running_loop().call_soon(self._woken)
            elif future in waiting:
                waiting.remove(future)
                if not waiting and self._ends.get(key) is waiting:
                    del self._ends[key]

    def _woken(self) -> None:
        self.waking -= 1
        self.woke()

    def ended(self, key: int, status: RunStatus, *, result: bytes, reason: str, kind: str) -> None:
        """Answer everybody who waits for the end of a run."""
        for future in self._ends.pop(key, ()):
            if future.done():
                continue
            self.waking += 1
            try:
                future.set_result(self.outcome(status, result=result, reason=reason, kind=kind))
            except RunFailed as error:
                future.set_exception(error)

    @staticmethod
    def outcome(status: RunStatus, *, result: bytes, reason: str, kind: str = "") -> bytes:
        """Return a run's result.

        Raises:
            RunFailed: it did not end well.
        """
        if status is RunStatus.COMPLETED:
            return result
        raise ERRORS[status](reason or status.label, kind=kind or reason.partition(":")[0])

    def fail(self, future: asyncio.Future[Any], error: WeftError) -> None:
        """Fail one future."""
        if not future.done():
            future.set_exception(error)

    def fail_all(self, error: WeftError) -> None:
        """Fail everybody."""
        ends = [future for waiting in self._ends.values() for future in waiting if not future.done()]
        self.waking += len(ends)
        for future in [*self._commits, *ends]:
            self.fail(future, error)
        self._commits.clear()
        self._ends.clear()
