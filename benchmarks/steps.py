"""What is measured on weft's side: the five-step workflow, and those that wait, sleep, or take a large input."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.floor import STEPS, Floor, work
from weft import Host, Service, System, idempotent, operation, workflow

A_MONTH = timedelta(days=30)


class Steps(Service, name="steps"):
    """Steps that do as little as a step can, and a gate that stays closed."""

    def __init__(self) -> None:
        self.arrived = 0
        self.all_there = asyncio.Event()
        self.expected = 0

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


SYSTEM = System("benchmark", services=[Steps], workflows=[five, waits, sleeps, carries])


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


@asynccontextmanager
async def open_side(side: str, folder: Path) -> AsyncIterator[Weft | Floor]:
    """Open one of the sides that are compared; a later side is one more line here."""
    if side == "floor":
        async with Floor(folder / "floor.db") as floor:
            yield floor
    else:
        async with host_in(folder) as host:
            yield Weft(host)
