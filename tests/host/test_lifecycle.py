"""Signals: the first one drains, the second one ends the process at once, and neither loses anything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.host.mill import Gate, Mill, fill, mills, settings
from weft.host.host import Host

MILL = Path(__file__).parent / "mill.py"
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def grinding(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process and wait until its call is under way."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.host.mill", str(folder)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert await said(process) == "grinding"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    """Return the next line that a process says."""
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_first_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """The call under way ends and is committed before the process does, with 0."""
    async with grinding(tmp_path) as process:
        process.send_signal(number)
        assert process.stdin is not None
        process.stdin.write(b"open\n")

        assert await said(process) == f"stopped by {number.name}"
        assert await process.wait() == 0

    async with Host(mills, settings=settings(tmp_path)) as host:
        assert await host.find(fill, "sack-1").result() == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_second_signal_ends_at_once(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """A call that does not end holds nobody up for ever; its run goes on at the next start."""
    async with grinding(tmp_path) as process:
        ended = asyncio.create_task(process.wait())
        while not ended.done():
            with suppress(ProcessLookupError):  # it may have ended just now
                os.kill(process.pid, number)  # Process.send_signal would look for its end, and take the exit code away
            await asyncio.wait({ended}, timeout=0.01)  # two signals at one moment are one signal
        assert ended.result() == code

    Gate.shut()
    Gate.opened.set()
    async with Host(mills, settings=settings(tmp_path)) as host:
        assert await host.find(fill, "sack-1").result() == 1
        assert await host.proxy(Mill).count() == 1
