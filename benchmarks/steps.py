"""What is measured on weft's side: the five-step workflow, and those that wait, sleep, or take a large input."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Protocol

from benchmarks.floor import STEPS, Floor, work
from benchmarks.peers.present import DBOS_WAL, RESTATE
from weft import Host, Service, Signal, System, Update, idempotent, now, operation, receive, workflow

A_MONTH = timedelta(days=30)
MILLISECOND = timedelta(milliseconds=1)
BRANCHES = 100


class Steps(Service, name="steps"):
    """Steps that do as little as a step can, and a gate that stays closed."""

    def __init__(self) -> None:
        self.arrived = 0
        self.all_there = asyncio.Event()
        self.expected = 0
        self.at_s: list[float] = []
        self.late_ms: list[float] = []

    @operation(idempotent)
    async def work(self, value: int) -> int:
        """Do one step."""
        return await work(value)

    @operation(idempotent)
    async def wait(self) -> None:
        """Wait for ever, and count who does."""
        self.arrived += 1
        if self.arrived >= self.expected:
            self.all_there.set()
        await asyncio.Event().wait()

    @operation(idempotent)
    async def note(self, value: int) -> int:
        """Do one step, and note when."""
        self.at_s.append(time.perf_counter())
        return await work(value)

    @operation(idempotent)
    async def heard(self) -> None:
        """Tell whoever sent the signal that the run has heard it."""
        self.all_there.set()

    @operation(idempotent)
    async def woke(self, due: datetime) -> None:
        """Note how late a timer was, and count how many have fired."""
        self.late_ms.append((datetime.now(UTC) - due) / MILLISECOND)
        self.arrived += 1
        if self.arrived >= self.expected:
            self.all_there.set()


class Ping(Signal):
    """Something to act on."""


class Pong(Update[int]):
    """Something to answer."""

    value: int


@workflow
async def five(value: int, *, steps: Steps) -> int:
    """Do five steps, each on the disk before the next begins."""
    for _ in range(STEPS):
        value = await steps.work(value)
    return value


@workflow
async def waits(value: int, *, steps: Steps) -> int:
    """Wait in a call: a run in flight."""
    await steps.wait()
    return value


@workflow
async def sleeps(value: int) -> int:
    """Sleep for a month."""
    await asyncio.sleep(A_MONTH.total_seconds())
    return value


@workflow
async def carries(value: str) -> int:
    """Take a large input."""
    return len(value)


@workflow
async def naps(value: int, *, steps: Steps) -> int:
    """Sleep for a month, and tell the time that the timer had."""
    await asyncio.sleep(A_MONTH.total_seconds())
    await steps.woke(now())
    return value


@workflow
async def echoes(count: int, *, steps: Steps) -> int:
    """Make a call on each signal."""
    for _ in range(count):
        await receive(Ping)
        await steps.heard()
    return count


@workflow
async def answers(count: int) -> int:
    """Answer updates."""
    for _ in range(count):
        asked = await receive(Pong)
        asked.answer(asked.value)
    return count


@workflow
async def branches(value: int, *, steps: Steps) -> int:
    """Make many calls side by side."""
    return sum(await asyncio.gather(*(steps.work(value) for _ in range(BRANCHES))))


@workflow
async def lengthy(count: int, *, steps: Steps) -> int:
    """Make very many calls, one after the other, and wait in the last one."""
    for number in range(count):
        await steps.note(number)
    await steps.wait()
    return count


SYSTEM = System(
    "benchmark",
    services=[Steps],
    workflows=[five, waits, sleeps, carries, naps, echoes, answers, branches, lengthy],
)


class Weft:
    """weft behind the same two words as the floor: open it, run a run."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def run(self, run_id: str, value: int) -> int:
        """Run five steps durably and return the last one's result."""
        run = await self._host.start(five, value, id=run_id)
        return await run.result()


def store_url(folder: Path) -> str:
    """Return the URL of the engine whose store lies in a folder."""
    return f"sqlite:///{folder / 'weft.db'}"


def host_in(folder: Path, steps: Steps | None = None) -> Host:
    """Return a host, not opened, whose store lies in a folder: a real file, nothing turned off."""
    return Host(SYSTEM, engine=store_url(folder), replace={} if steps is None else {Steps: steps})


def host_on(engine: str) -> Host:
    """Return a host, not opened, on an engine by its URL."""
    return Host(SYSTEM, engine=engine)


class Side(Protocol):
    """What is measured: open, it runs a run."""

    async def run(self, run_id: str, value: int) -> int:
        """Run five steps durably and return the last one's result."""
        ...


@asynccontextmanager
async def open_side(side: str, folder: Path) -> AsyncIterator[Side]:
    """Open one of the sides that are compared; a peer's module is imported only where the peer is measured."""
    if side == "floor":
        async with Floor(folder / "floor.db") as floor:
            yield floor
    elif side == "weft":
        async with host_in(folder) as host:
            yield Weft(host)
    elif side == RESTATE:
        async with import_module("benchmarks.peers.restate").open_restate(folder) as restate:
            yield restate
    else:
        async with import_module("benchmarks.peers.dbos").open_dbos(folder, wal=side == DBOS_WAL) as dbos:
            yield dbos
