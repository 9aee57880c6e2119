"""The lives of a world: it dies, by order or at a commit, and is opened again from disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from weft.engine.embedded.engine import EmbeddedEngine, Killed
from weft.errors import PropertyBroken, StoreFailed
from weft.flow.port import OnClose
from weft.ids import Ids
from weft.model.call import NOBODY, Behalf
from weft.model.message import Answer
from weft.model.queueing import FIRST_COME, Queueing

T = TypeVar("T")

LIVES = 1_000
"""Openings of one world after which it is held never to come to an end."""


class Life:
    """Opens a world, and opens it again each time it dies."""

    def __init__(self, open_: Callable[[], Awaitable[None]], kill: Callable[[], Awaitable[None]]) -> None:
        self._open = open_
        self._kill = kill
        self._crashed = asyncio.Event()
        self._alive = asyncio.Event()
        self._turn = asyncio.Lock()
        self._failure: BaseException | None = None
        self._watch: asyncio.Task[None] | None = None
        self._handler: Any = None
        self.number = 0

    async def begin(self) -> None:
        """Open the world and watch over it."""
        loop = asyncio.get_running_loop()
        self._handler = loop.get_exception_handler()
        loop.set_exception_handler(self._on_exception)
        await self.restart()
        self._watch = loop.create_task(self._revive())

    async def end(self) -> None:
        """Kill the world for good."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        self._alive.clear()
        self._failure = StoreFailed("the world has ended")
        try:
            await self._kill()
        finally:
            self._alive.set()
            asyncio.get_running_loop().set_exception_handler(self._handler)

    def crash(self) -> None:
        """Note that the process has died; it is opened again soon."""
        self._alive.clear()
        self._crashed.set()

    async def alive(self) -> None:
        """Wait until the world is open.

        Raises:
            PropertyBroken, WeftError: It could not be opened again.
        """
        await self._alive.wait()
        if self._failure is not None:
            raise self._failure

    async def restart(self) -> None:
        """Kill what lives, and open the world from disk; a crash while it opens is one more death."""
        async with self._turn:
            self._alive.clear()
            while True:
                await self._kill()
                self._crashed.clear()
                self.number += 1
                if self.number > LIVES:
                    raise PropertyBroken(f"after {LIVES:,} lives the world is not at its end")
                if await self._opened():
                    break
            self._alive.set()

    async def _opened(self) -> bool:
        opening = asyncio.ensure_future(self._open())
        crash = asyncio.ensure_future(self._crashed.wait())
        try:
            await asyncio.wait({opening, crash}, return_when=asyncio.FIRST_COMPLETED)
            if not self._crashed.is_set():
                await opening
                return True
            return False
        finally:
            for task in (opening, crash):
                task.cancel()
            await asyncio.gather(opening, crash, return_exceptions=True)

    async def _revive(self) -> None:
        try:
            while True:
                await self._crashed.wait()
                await self.restart()
        except Exception as error:  # noqa: BLE001 - the border of a task that nobody awaits: those who wait are told
            self._failure = error
            self._alive.set()

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Be silent about what a killed engine still tries to write; pass everything else on."""
        error = context.get("exception")
        if isinstance(error, Killed) or (isinstance(error, StoreFailed) and not self._alive.is_set()):
            return
        if self._handler is not None:
            self._handler(loop, context)
        else:
            loop.default_exception_handler(context)


class Door:
    """What stands behind the world's Runs: the engine of its present life, and of the next if that one dies."""

    def __init__(self, life: Life, engine: Callable[[], EmbeddedEngine], ids: Ids) -> None:
        self._life = life
        self._engine = engine
        self._ids = ids

    async def _ask(self, ask: Callable[[EmbeddedEngine], Awaitable[T]]) -> T:
        while True:
            await self._life.alive()
            number = self._life.number
            try:
                return await ask(self._engine())
            except StoreFailed:
                await self._life.alive()
                if self._life.number == number:
                    raise

    async def start(
        self,
        workflow: str,
        run_id: str,
        data: bytes,
        *,
        behalf: Behalf = NOBODY,
        within_ms: int | None = None,
        on_close: OnClose = "abandon",
        queueing: Queueing = FIRST_COME,
    ) -> None:
        """Start a run."""
        del on_close  # nobody's child
        begun = partial(EmbeddedEngine.start, behalf=behalf, within_ms=within_ms, queueing=queueing)
        await self._ask(lambda engine: begun(engine, workflow, run_id, data))

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for a run's end, over as many lives as it takes."""
        return await self._ask(lambda engine: engine.result(workflow, run_id))

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message, once over all lives."""
        told = partial(EmbeddedEngine.send, kind=kind, data=data, message_id=message_id or self._ids.new_id())
        await self._ask(lambda engine: told(engine, workflow, run_id))

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Ask a run, once over all lives."""
        asked = partial(EmbeddedEngine.ask, kind=kind, data=data, message_id=message_id or self._ids.new_id())
        return await self._ask(lambda engine: asked(engine, workflow, run_id))

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run shows."""
        return await self._ask(lambda engine: engine.read(workflow, run_id, state))

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Ask a run to cancel."""
        await self._ask(lambda engine: engine.cancel(workflow, run_id, reason))

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        await self._ask(lambda engine: engine.terminate(workflow, run_id, who=who, why=why))
