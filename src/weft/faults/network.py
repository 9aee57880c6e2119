"""Messages under way that nobody waits for: what was sent arrives, also when its sender has given up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from weft.clock import Clock
from weft.model.call import Call, Handler, Outcome


class Network:
    """Holds deliveries that outlive their senders.

    `unawaited` counts those that nobody waits for: work that an engine does not see.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.unawaited = 0
        self._tasks: set[asyncio.Task[Outcome]] = set()

    def send(self, call: Call, handler: Handler, *, after: timedelta) -> None:
        """Deliver a call later; nobody hears of its outcome."""
        self.unawaited += 1
        self._start(self._deliver(call, handler, after)).add_done_callback(self._arrived)

    async def send_and_wait(self, call: Call, handler: Handler, *, after: timedelta) -> Outcome:
        """Deliver a call later and return its outcome; if the caller is cancelled, it is delivered all the same."""
        task = self._start(self._deliver(call, handler, after))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                self.unawaited += 1
                task.add_done_callback(self._arrived)
            raise

    async def _deliver(self, call: Call, handler: Handler, after: timedelta) -> Outcome:
        if after > timedelta():
            await self.clock.sleep(after)
        return await handler(call)

    def _start(self, delivery: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        task = asyncio.get_running_loop().create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _arrived(self, _: asyncio.Task[Outcome]) -> None:
        self.unawaited -= 1

    async def settle(self) -> None:
        """Wait until everything under way has arrived."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cut(self) -> None:
        """Lose everything under way."""
        for task in self._tasks:
            task.cancel()
        await self.settle()
