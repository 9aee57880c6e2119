"""What one transaction posts to the outbox: in order, under ids that follow from its call."""

from __future__ import annotations

from weft.clock import Clock
from weft.data.outbox import Outbox, post
from weft.data.port import Unit
from weft.flow.posting import Request
from weft.ids import SystemIds


class Poster:
    """Writes requests down in one transaction.

    Attributes:
        clock: where its times come from.
    """

    def __init__(self, unit: Unit, outbox: Outbox, clock: Clock, *, call_id: str = "") -> None:
        self.clock = clock
        self._unit = unit
        self._outbox = outbox
        self._batch = call_id
        self._count = 0

    async def post(self, request: Request) -> None:
        """Write a request down, to leave with the commit."""
        if not self._batch:
            self._batch = SystemIds().new_id()
        self._count += 1
        steps = post(
            request,
            batch=self._batch,
            message_id=f"{self._batch}>outbox.{self._count}",
            destination=self._outbox.destination(),
            at_ms=self.clock.now_ms(),
        )
        await self._unit.ask(steps)

    def left(self) -> None:
        """Say that the transaction has ended, and may have been committed."""
        if self._count:
            self._outbox.committed()
