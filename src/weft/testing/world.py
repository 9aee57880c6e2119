"""A whole System in one process on a virtual clock: real engine, real databases, faults to order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

from weft.clock import VirtualClock, to_datetime
from weft.engine.embedded.engine import Killed
from weft.faults.plan import Plan, Target, operation_of
from weft.flow.runs import Run, Runs
from weft.host.bindings import Provider
from weft.host.host import Host
from weft.host.schedules import Schedules
from weft.host.settings import SQLITE, Settings
from weft.ids import SeededIds
from weft.model.run import RunStory
from weft.model.system import System
from weft.testing.ledger import Ledger, Sent
from weft.testing.life import Door, Life

S = TypeVar("S")

MILLISECOND = timedelta(milliseconds=1)

TURNS = 25
"""Turns of the loop for which the engine must count nothing to do before the world is held to be quiet."""

LOOK_S = 0.002
"""Real seconds between looks while disks and threads work."""


class World(Runs):
    """Run a System for a test: `async with World(shop, seed=7) as world`.

    Time stands still but for `advance`, which takes a month in milliseconds; what services do in their databases
    takes real time, and is waited for. A World is a Runs: `world.start`, `world.find`.

    Args:
        system: the services and workflows.
        seed: decides ids and what rates of faults strike.
        replace: instances in place of services, by contract.
        providers: functions `(service name, url) -> async context manager`, by the type that they provide.
        settings: URLs and limits; the engine's URL is the world's own.
        store: folder of all files, which is kept; nothing for a temporary one.

    Attributes:
        faults: the faults to come; see `weft.faults.plan.Plan`.
        clock: the virtual clock.
        ledger: the books of all calls, over all lives.
        crashes: asked after each commit, with their number over all lives, whether the process dies there, before
            anything leaves that the commit allowed; the world then restarts by itself.
        commits: the engine's, over all lives.
        lives: how often the world was opened.
    """

    def __init__(
        self,
        system: System,
        *,
        seed: int = 0,
        replace: Mapping[type[Any], object] | None = None,
        providers: Mapping[Any, Provider] | None = None,
        settings: Settings | None = None,
        store: Path | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.faults = Plan(system, seed=seed, clock=self.clock)
        self.ledger = Ledger(self.clock)
        self.crashes: Callable[[int], bool] | None = None
        self.commits = 0
        self.lives = 0
        self._ids = SeededIds(seed)
        self._replace = replace or {}
        self._providers = providers or {}
        self._settings = settings or Settings()
        self._folder = store
        self._temporary: TemporaryDirectory[str] | None = None
        self._host: Host | None = None
        self._life = Life(self._open, self._kill)
        super().__init__(system, Door(self._life, lambda: self.host.embedded, self._ids))

    async def __aenter__(self) -> Self:
        if self._folder is None:
            self._temporary = TemporaryDirectory(prefix="weft-world-")
            self._folder = Path(self._temporary.name)
        try:
            await self._life.begin()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Killed and not drained: a test is over when its last line is, and nothing on a virtual clock ends by itself.
        try:
            await self._life.end()
        finally:
            if self._temporary is not None:
                self._temporary.cleanup()

    async def _open(self) -> None:
        assert self._folder is not None, "a world is entered before it is used"
        self._host = Host(
            self._system,
            settings=replaced(self._settings, engine=f"{SQLITE}{self._folder}/engine.db"),
            providers=self._providers,
            replace=self._replace,
            policies=(self.ledger.sending, self.faults, self.ledger.arriving),
            clock=self.clock,
            ids=self._ids,
            witness=self.ledger.witness,
        )
        self._host.embedded.on_commit = self._on_commit
        self.lives += 1
        await self._host.__aenter__()

    async def _kill(self) -> None:
        await self.faults.network.cut()
        if self._host is not None:
            await self._host.kill()

    def _on_commit(self, _: int) -> None:
        self.commits += 1
        if self.crashes is not None and self.crashes(self.commits):
            self._life.crash()
            raise Killed

    async def restart(self) -> None:
        """Drop everything as a killed process would, and open it again from what is on disk.

        Instances given by `replace=` stay what they are.
        """
        await self._life.restart()

    @property
    def host(self) -> Host:
        """Return the host of this life."""
        assert self._host is not None, "a world is entered before it is used"
        return self._host

    @property
    def schedules(self) -> Schedules:
        """Return the schedules, as this life of the world keeps them."""
        return self.host.schedules

    def proxy(self, contract: type[S]) -> S:
        """Return a proxy of a service for callers outside runs; it ends with this life of the world."""
        return self.host.proxy(contract)

    # Time.

    @property
    def now(self) -> datetime:
        """Return the virtual time: aware, UTC."""
        return to_datetime(self.clock.now_ms())

    async def advance(self, duration: timedelta) -> None:
        """Let a duration pass: whatever becomes due happens in order of time, each thing to its end.

        Raises:
            StoreFailed: The engine has stopped.
        """
        until_ms = self.clock.now_ms() + -(-duration // MILLISECOND)
        await self.settle()
        while await self.jump(until_ms):
            pass
        await self._move_to(until_ms)
        await self.settle()

    async def jump(self, until_ms: int) -> bool:
        """Move to the next thing that is due, up to a time, and let it happen; tell whether there was one."""
        due_ms = self.clock.next_due_ms()
        if due_ms is None or due_ms > until_ms:
            return False
        await self._move_to(due_ms)
        await self.settle()
        return True

    async def settle(self) -> None:
        """Let everything happen that can without time passing.

        Raises:
            StoreFailed: The engine has stopped.
        """
        while True:
            await self._until_quiet()
            due_ms = self.clock.next_due_ms()
            if due_ms is None or due_ms > self.clock.now_ms():
                return
            await self._move_to(due_ms)

    async def _move_to(self, at_ms: int) -> None:
        """Move the clock in a plain callback: it wakes runs, which are never stepped from inside a task."""
        loop = asyncio.get_running_loop()
        moved: asyncio.Future[None] = loop.create_future()

        def move() -> None:
            try:
                self.clock.move_to(at_ms)
            except Exception as error:  # noqa: BLE001 - whoever moves the clock is told
                moved.set_exception(error)
            else:
                moved.set_result(None)

        loop.call_soon(move, context=Context())
        await moved

    async def _until_quiet(self) -> None:
        """Wait until the engine counts no call in flight, no commit pending and no execution ready.

        Calls that wait for the clock itself do not count. That it counts nothing has to last some turns of the loop:
        between a callback and the task that it wakes there is a moment where nobody counts either.
        """
        quiet = 0
        while quiet < TURNS:
            await asyncio.sleep(0)
            await self._life.alive()
            engine = self.host.embedded
            if engine.failed is not None:
                raise engine.failed
            if self._is_quiet():
                quiet += 1
            elif quiet:
                quiet = 0
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(engine.until_changed(), LOOK_S)

    def _is_quiet(self) -> bool:
        if self.host.is_relaying:
            return False
        parked = self.clock.parked - self.faults.network.unawaited
        # The engine counts the attempts of runs, from the moment they are decided; the ledger those of outsiders, too.
        engine = self.host.embedded
        waiting = [count for call, count in self.ledger.under_way.items() if call not in engine.parked]
        return sum(waiting) <= parked and engine.is_quiet(parked)

    # What happened.

    @property
    def calls(self) -> list[Sent]:
        """Return every attempt that callers sent, in order, over all lives of the world."""
        return self.ledger.calls

    def sent(self, operation: Target) -> int:
        """Return how many attempts callers sent to an operation, whether or not they arrived.

        Args:
            operation: as callers name it: `Payments.charge`, or `payments.charge`.
        """
        return self.ledger.sent(operation_of(self._system, operation).target)

    def applied(self, operation: Target) -> int:
        """Return how often an operation's effect was applied: duplicates that the barrier answered do not count."""
        return self.ledger.applied(operation_of(self._system, operation).target)

    async def story(self, run: Run[Any]) -> RunStory:
        """Return a run's timeline, and what it waits for.

        Raises:
            RunNotFound: There is none.
        """
        return await self.host.embedded.show(run.workflow, run.id)
