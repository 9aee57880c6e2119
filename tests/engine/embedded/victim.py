"""A process that is killed: `python -m tests.engine.embedded.victim FOLDER RUNS KILL` runs orders on real databases.

KILL is `commit:N` for right after the engine's N-th commit and before its outputs, `reply:N` for between the N-th
commit of a service and its reply, `none` for not at all.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from weft.data import Database
from weft.flow.saga import saga
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.call import Call, Handler, Outcome
from weft.model.effect import compensated_by, idempotent
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

bank_tables = MetaData()
moves = Table("moves", bank_tables, Column("id", Integer, primary_key=True), Column("what", Text, nullable=False))
PAUSE_S = 0.002


class Bank(Service, name="bank", exactly_once=True, tables=bank_tables):
    """Writes a line for each effect; a line that is there twice is an effect that happened twice."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def refund(self, order: int) -> None:
        """Give the money back."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(moves), {"what": f"refund {order}"})

    @operation(compensated_by(refund), timeout=timedelta(seconds=10))
    async def charge(self, order: int) -> str:
        """Take the money."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(moves), {"what": f"charge {order}"})
        return f"receipt {order}"

    @operation(idempotent)
    async def note(self, order: int) -> None:
        """Note that all is well."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(moves), {"what": f"note {order}"})


@workflow
async def buy(order: int, *, bank: Bank) -> str:
    """Charge, pause, and note it; every third order changes its mind after that."""
    async with saga():
        receipt = await bank.charge(order)
        await asyncio.sleep(PAUSE_S)
        await asyncio.gather(bank.note(order), asyncio.sleep(PAUSE_S))
        if order % 3 == 0:
            raise LookupError(order)
    return receipt


bakery = System("bakery", services=[Bank], workflows=[buy])


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


class AfterReply:
    """A policy that kills the process when the service has done its work and nobody has heard of it."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, handler: Handler) -> Handler:
        """Return the handler with a death after it."""

        async def handle(call: Call) -> Outcome:
            outcome = await handler(call)
            self.left -= 1
            if self.left == 0:
                die()
            return outcome

        return handle


async def main(folder: Path, runs: int, kill: str) -> None:
    """Start the orders or find them, and wait for all of them to end."""
    moment, _, number = kill.partition(":")
    policies = [AfterReply(int(number))] if moment == "reply" else []
    settings = Settings(engine=f"sqlite:///{folder}/bakery.db")
    host = Host(bakery, settings=settings, policies=policies)
    if moment == "commit":
        host.engine.on_commit = lambda count: die() if count == int(number) else None
    async with host:
        started = await asyncio.gather(*(host.start(buy, order, id=str(order)) for order in range(runs)))
        await asyncio.gather(*(run.result() for run in started), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
