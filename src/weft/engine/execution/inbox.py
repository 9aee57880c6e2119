"""The messages of a run in order of arrival, and who waits for which kinds."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from weft.engine.execution.loop import RunFuture, RunLoop
from weft.errors import LimitExceeded

Received: TypeAlias = tuple[str, bytes, str]
"""Kind, data and id of a message."""


class Inbox:
    """Messages that were told and not yet received.

    A message leaves only in the moment in which a `receive` returns it, so one that is cancelled takes none.
    """

    def __init__(self, loop: RunLoop, *, limit: int) -> None:
        self._loop = loop
        self._limit = limit
        self._messages: list[Received] = []
        self._waiting: list[tuple[Sequence[str], RunFuture]] = []
        self._seen: set[str] = set()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def wanted(self) -> list[str]:
        """Return the kinds that somebody waits for."""
        return sorted({kind for kinds, _ in self._waiting for kind in kinds})

    @property
    def waiting(self) -> Sequence[Received]:
        """Return the messages that nobody has received, in order."""
        return self._messages

    @property
    def seen(self) -> AbstractSet[str]:
        """Return the ids of all messages that were told."""
        return self._seen

    def has_seen(self, message_id: str) -> bool:
        """Tell whether a message of this id was told before."""
        return message_id in self._seen

    def check_room(self) -> None:
        """Raise if one more message does not fit.

        Raises:
            LimitExceeded: too many messages wait.
        """
        if len(self._messages) >= self._limit:
            what = f"the run has {self._limit:,} messages that it has not received"
            raise LimitExceeded(what, remedy="receive them faster, or send fewer", name="pending_messages")

    def put(self, kind: str, data: bytes, *, message_id: str) -> None:
        """Take a message in and wake whoever waits for its kind; one that was told before is not told again."""
        if message_id in self._seen:
            return
        self._seen.add(message_id)
        self._messages.append((kind, data, message_id))
        self._wake(kind)

    def _wake(self, kind: str) -> None:
        for kinds, future in self._waiting:
            if kind in kinds and not future.done():
                future.set_result(None)
                return

    def _take(self, kinds: Sequence[str]) -> Received | None:
        for index, message in enumerate(self._messages):
            if message[0] in kinds:
                return self._messages.pop(index)
        return None

    async def receive(self, kinds: Sequence[str], within_ms: int | None) -> Received:
        """Return the first message of one of the kinds.

        Raises:
            TimeoutError: none came in time.
        """
        message = self._take(kinds)
        if message is not None:
            return message
        if within_ms is not None and within_ms <= 0:
            raise TimeoutError
        timer = None
        late = self._loop.create_future()
        if within_ms is not None:
            timer = self._loop.call_later(within_ms / 1000, _expire, self, late)
        try:
            return await self._wait(kinds, late)
        finally:
            if timer is not None and not self._loop.dead:
                timer.cancel()

    def expire(self, late: RunFuture) -> None:
        """Wake the receive that waits with this future: its time has passed."""
        late.set_result(None)
        for _, future in self._waiting:
            if getattr(future, "late", None) is late and not future.done():
                future.set_result(None)

    async def _wait(self, kinds: Sequence[str], late: RunFuture) -> Received:
        while True:
            future = self._loop.create_future()
            future.late = late  # pyright: ignore[reportAttributeAccessIssue]
            place = (kinds, future)
            self._waiting.append(place)
            taken = None
            try:
                await future
                taken = self._take(kinds)
            finally:
                self._waiting.remove(place)
                if taken is None and future.done() and not future.cancelled():
                    self._wake_others(kinds)
            if taken is not None:
                return taken
            if late.done():
                raise TimeoutError

    def _wake_others(self, kinds: Sequence[str]) -> None:
        """Pass a wake-up on that was meant for a receive which was cancelled in the same step."""
        for kind, _, _ in self._messages:
            if kind in kinds:
                self._wake(kind)


def _expire(inbox: Inbox, late: RunFuture) -> None:
    if not late.done():
        inbox.expire(late)
