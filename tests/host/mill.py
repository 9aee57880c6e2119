"""A mill whose stones turn until they are told to stop: a system that can be caught in the middle of a call."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from weft.data import Database
from weft.flow.runs import Runs
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.effect import idempotent, read
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

metadata = MetaData()
sacks = Table("sacks", metadata, Column("number", Integer, primary_key=True))


class Gate:
    """What the stones wait for; one for the process."""

    started = asyncio.Event()
    opened = asyncio.Event()

    @classmethod
    def shut(cls) -> None:
        """Begin anew."""
        cls.started, cls.opened = asyncio.Event(), asyncio.Event()


class Mill(Service, name="mill", exactly_once=True, tables=metadata):
    """Grinds corn."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def grind(self, number: int) -> int:
        """Fill a sack, once the gate is open."""
        Gate.started.set()
        await Gate.opened.wait()
        async with self.db.transaction() as tx:
            await tx.execute(insert(sacks), {"number": number})
        return number

    @operation(read)
    async def count(self) -> int:
        """Count the sacks."""
        async with self.db.transaction() as tx:
            return len(await tx.rows(select(sacks)))


@workflow
async def fill(number: int, *, mill: Mill) -> int:
    """Fill one sack."""
    return await mill.grind(number)


@workflow
async def fill_all(count: int, *, runs: Runs) -> int:
    """Fill some sacks, each in a run of its own."""
    started = [await runs.start(fill, number, id=f"sack-{number}") for number in range(count)]
    return sum([await run.result() for run in started])


mills = System("mills", services=[Mill], workflows=[fill, fill_all])


def settings(folder: Path) -> Settings:
    """Return settings that keep everything in a folder."""
    return Settings(engine=f"sqlite:///{folder}/mills.db")


async def serve(folder: Path) -> None:
    """Start a run, say when it is under way, and work until a signal; a line on the input opens the gate."""
    async with Host(mills, settings=settings(folder)) as host:
        await host.start(fill, 1, id="sack-1")
        await Gate.started.wait()
        waiting = asyncio.create_task(host.run_until_stopped())
        await asyncio.sleep(0)
        say("grinding")
        asyncio.get_running_loop().add_reader(sys.stdin, Gate.opened.set)
        received = await waiting
        say(f"stopped by {received.name}")


def say(word: str) -> None:
    """Tell the parent."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
