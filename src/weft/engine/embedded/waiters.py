"""Who waits for commits and for the ends of runs; nobody waits for ever when the engine stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from weft.errors import RunCancelled, RunClosed, RunFailed, RunTerminated, WeftError
from weft.flow.ambient import current_call
from weft.model.message import Answer
from weft.model.run import RunStatus

ERRORS = {RunStatus.FAILED: RunFailed, RunStatus.CANCELLED: RunCancelled, RunStatus.TERMINATED: RunTerminated}


class Waiters:
    """Futures that the engine owes an answer.

    Attributes:
        waking: ends that were told to somebody who has not gone on yet.
        woke: told when one of them has.
        parked: ids of calls that wait for the end of a run or an answer of one, with how often: nothing happens in
            them until then.
    """

    def __init__(self) -> None:
        self.waking = 0
        self.woke: Callable[[], None] = lambda: None
        self._commits: set[asyncio.Future[None]] = set()
        self.parked: Counter[str] = Counter()
        self._told: set[asyncio.Future[Any]] = set()
        self._ends: dict[int, list[asyncio.Future[bytes]]] = {}
        self._asks: dict[int, dict[str, list[asyncio.Future[Answer]]]] = {}

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
        call = self._park()
        try:
            return await future
        finally:
            self._go_on(future, call)
            if future in waiting:
                waiting.remove(future)
                if not waiting and self._ends.get(key) is waiting:
                    del self._ends[key]

    def ask(self, key: int, message_id: str, future: asyncio.Future[Answer]) -> None:
        """Note who waits for an answer."""
        self._asks.setdefault(key, {}).setdefault(message_id, []).append(future)

    async def answer(self, future: asyncio.Future[Answer]) -> Answer:
        """Return an answer once it is there.

        Raises:
            RunClosed: there will be none.
        """
        call = self._park()
        try:
            return await future
        finally:
            self._go_on(future, call)

    def unask(self, key: int, message_id: str, future: asyncio.Future[Answer]) -> None:
        """Note that somebody does not wait for an answer any more."""
        waiting = self._asks.get(key, {}).get(message_id, [])
        if future in waiting:
            waiting.remove(future)
            if not waiting:
                self._take_asks(key, message_id)
        self.gone_on(future)

    def asked(self, key: int) -> set[str]:
        """Return the ids of the updates of a run whose answer somebody waits for."""
        return set(self._asks.get(key, ()))

    def answered(self, key: int, message_id: str, answer: Answer) -> None:
        """Answer everybody who asked this."""
        for future in self._take_asks(key, message_id):
            future.set_result(answer)

    def unanswered(self, key: int, message_ids: Iterable[str], error: WeftError) -> None:
        """Tell who asked that there will be no answer."""
        for message_id in list(message_ids):
            for future in self._take_asks(key, message_id):
                future.set_exception(error)

    def _take_asks(self, key: int, message_id: str) -> list[asyncio.Future[Answer]]:
        asks = self._asks.get(key, {})
        futures = [future for future in asks.pop(message_id, ()) if not future.done()]
        if not asks:
            self._asks.pop(key, None)
        for future in futures:
            self._wake(future)
        return futures

    def _park(self) -> str:
        """Note that the call around waits for a run; return its id, if there is a call around."""
        around = current_call.get()
        if around is None:
            return ""
        call = around.call.id.partition(">")[0]
        if call:
            self.parked[call] += 1
            self.woke()
        return call

    def _go_on(self, future: asyncio.Future[Any], call: str) -> None:
        if call:
            self.parked[call] -= 1
            if not self.parked[call]:
                del self.parked[call]
        self.gone_on(future)

    def _wake(self, future: asyncio.Future[Any]) -> None:
        self.waking += 1
        self._told.add(future)

    def gone_on(self, future: asyncio.Future[Any]) -> None:
        """Note that whoever waited for a future waits no more."""
        if future in self._told:
            self._told.discard(future)
            # A turn later: by then whoever waited has gone on to what is counted elsewhere.
            asyncio.get_running_loop().call_soon(self._woken)

    def _woken(self) -> None:
        self.waking -= 1
        self.woke()

    def ended(self, key: int, status: RunStatus, *, result: bytes, reason: str, kind: str) -> None:
        """Answer everybody who waits for the end of a run."""
        if key in self._asks:
            self.unanswered(key, self.asked(key), RunClosed(f"the run ended without an answer: {status.label}"))
        for future in self._ends.pop(key, ()):
            if future.done():
                continue
            self._wake(future)
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
        raise ERRORS[status](reason or status.label, kind=kind or reason.partition(":")[0], refused=result)

    def fail(self, future: asyncio.Future[Any], error: WeftError) -> None:
        """Fail one future."""
        if not future.done():
            future.set_exception(error)

    def fail_all(self, error: WeftError) -> None:
        """Fail everybody."""
        ends = [future for waiting in self._ends.values() for future in waiting if not future.done()]
        asks = [
            each for asks in self._asks.values() for waiting in asks.values() for each in waiting if not each.done()
        ]
        for future in (*ends, *asks):
            self._wake(future)
        for future in [*self._commits, *ends, *asks]:
            self.fail(future, error)
        self._commits.clear()
        self._ends.clear()
        self._asks.clear()
