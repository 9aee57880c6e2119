"""How a process stops: the first signal asks for an orderly end, the second ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import TracebackType
from typing import Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SIGNALLED = 128
"""Exit codes of processes that a signal ended are this and the signal's number: 143, 130."""


class StopSignals:
    """Listen for SIGTERM and SIGINT while the block lasts.

    The first one is told by `wait`; what drains then does so inside the block. The second one ends the process at
    once with 143 or 130: nothing is lost by that, since what is not on disk has not been said.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.received: signal.Signals | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self.received is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(SIGNALLED + number)  # an orderly exit would wait for what does not end
        self.received = number
        self._asked.set()

    async def wait(self) -> signal.Signals:
        """Wait for the first signal and return it."""
        await self._asked.wait()
        assert self.received is not None
        return self.received
