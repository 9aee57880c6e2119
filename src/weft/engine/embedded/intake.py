"""What callers ask of an engine, done in plain callbacks: a run's loop is never entered from inside a task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial

from weft.engine.embedded.waiters import Waiters
from weft.engine.embedded.writer import Writer
from weft.engine.execution.turn import Turn
from weft.errors import StoreFailed


class Intake:
    """Acts in the order in which they were asked for, and who waits for what they caused to be on disk."""

    def __init__(self, waiters: Waiters, turn: Turn) -> None:
        self._waiters = waiters
        self._turn = turn
        self._writer: Writer | None = None
        self._todo: deque[tuple[Callable[[], None], asyncio.Future[None]]] = deque()

    def open(self, writer: Writer) -> None:
        """Begin to take acts."""
        self._writer = writer

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits to be done."""
        return not self._todo

    def do(self, act: Callable[[], None]) -> asyncio.Future[None]:
        """Return a future that is done once what `act` caused is on disk, or fails with what it raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._todo:
            # In an empty context: whoever asks may be an operation, and runs have nothing to do with its call.
            loop.call_soon(self._do_all, context=Context())
        self._todo.append((act, done))
        return done

    def _do_all(self) -> None:
        with self._turn:
            while self._todo:
                act, done = self._todo.popleft()
                self._do_one(act, done)
        if self._writer is not None:
            self._writer.schedule()

    def _do_one(self, act: Callable[[], None], done: asyncio.Future[None]) -> None:
        assert self._writer is not None, "an engine that is not open takes nothing"
        try:
            act()
            self._writer.after_commit(partial(self._waiters.committed, done))
        except Exception as error:  # noqa: BLE001 - the border between callers and the engine: it is theirs
            if not done.done():
                done.set_exception(error)
        else:
            self._waiters.commit(done)

    def refuse(self, error: StoreFailed) -> None:
        """Fail everybody whose act has not been done."""
        while self._todo:
            self._waiters.fail(self._todo.popleft()[1], error)
