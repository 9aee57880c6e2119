"""A yard whose services tell which process has carried them out: what workers are shown on."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from weft.flow.messages import receive
from weft.model.effect import idempotent
from weft.model.message import Signal
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

MINUTE = timedelta(minutes=1)


class Go(Signal):
    """Go on."""


class Clerk(Service):
    """Writes things down."""

    @operation(idempotent)
    async def sign(self) -> int:
        """Return the number of the process that does it."""
        return os.getpid()

    @operation(idempotent, timeout=MINUTE)
    async def wait(self, gate: str) -> int:
        """Say that it waits, and do so until somebody writes into a named pipe."""
        print(f"waiting at {Path(gate).name}", flush=True)  # noqa: T201 - what a test listens for
        await asyncio.to_thread(Path(gate).read_text)
        return os.getpid()

    @operation(idempotent, timeout=MINUTE)
    async def linger(self, mark: str) -> int:
        """Never end the first time."""
        try:
            await asyncio.to_thread(Path(mark).touch, exist_ok=False)
        except FileExistsError:
            return os.getpid()
        else:
            print("lingering", flush=True)  # noqa: T201 - what a test listens for
            await asyncio.Event().wait()
            return os.getpid()


class Crane(Service):
    """Lifts things."""

    @operation(idempotent)
    async def lift(self) -> int:
        """Return the number of the process that does it."""
        return os.getpid()


@workflow
async def wait_at(gates: list[str], *, clerk: Clerk) -> list[int]:
    """Wait at all gates at once."""
    return list(await asyncio.gather(*(clerk.wait(gate) for gate in gates)))


@workflow
async def linger_once(mark: str, *, clerk: Clerk) -> list[int]:
    """Make a call that does not end the first time."""
    return [await clerk.linger(mark)]


@workflow
async def unload(what: str, *, clerk: Clerk, crane: Crane) -> list[int]:
    """Lift something and sign for it."""
    del what
    return [await clerk.sign(), await crane.lift()]


@workflow
async def sign_later(what: str, *, clerk: Clerk) -> list[int]:
    """Sign at once, and again when told to."""
    del what
    first = await clerk.sign()
    await receive(Go)
    return [first, await clerk.sign()]


yard = System("yard", services=[Clerk, Crane], workflows=[wait_at, linger_once, unload, sign_later])
