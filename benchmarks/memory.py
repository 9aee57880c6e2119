"""How much memory a run takes that waits in a call, and one that sleeps."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from benchmarks.child import measure, resident_bytes
from benchmarks.question import Answer, Asked, Goal, progress
from benchmarks.steps import Steps, carries, five, host_in, sleeps, waits
from weft import Host

IN_FLIGHT_BYTES = 12 * 1024
ASLEEP_BYTES = 256
"""Asleep a run is on the disk only. Python takes memory a megabyte at a time: one more or less is 50 to 200 bytes."""

WAVE = 500
"""Runs started at once: a batch of all of them would be measured, too."""

A_MEGABYTE = 1_000_000
FILLS_CACHES = 100
"""Runs with large inputs: SQLite keeps their pages from then on, and no others."""

SETTLE_S = 0.25
STEADY_LOOKS = 12
"""Memory is looked at until it has not changed for three seconds: idle runs leave memory after one or two."""


def ask(asked: Asked) -> Answer:
    """Measure both in fresh processes."""
    runs = asked.count(5_000, 20_000)
    found: dict[str, float] = {}
    for kind in ("in_flight", "asleep"):
        with asked.fresh_folder() as folder:
            found[kind] = round(measure("memory", kind, runs=runs, folder=str(folder)))
        progress(f"memory, {kind}: {found[kind]:,.0f} bytes a run")
    return Answer(
        figures={"memory_bytes": found},
        head=("a run", "memory"),
        rows=[
            ("in flight, one call open", f"{found['in_flight'] / 1024:.1f} KiB"),
            ("asleep", f"{found['asleep']:,.0f} bytes"),
        ],
        how=(
            f"What {runs:,} more runs add to what the kernel says the process occupies, divided by them. Before, "
            f"{WAVE} runs had ended, or as many runs had been put to sleep and the pages that SQLite keeps were full."
        ),
        goals=[
            Goal("memory of a run in flight", found["in_flight"], IN_FLIGHT_BYTES, "bytes"),
            Goal("memory of a run asleep", found["asleep"], ASLEEP_BYTES, "bytes"),
        ],
    )


def in_flight(*, runs: int, folder: str) -> float:
    """Return bytes for each run that waits in a call, in this process."""
    return asyncio.run(_in_flight(runs, Path(folder)))


async def _in_flight(runs: int, folder: Path) -> float:
    steps = Steps()
    host = await host_in(folder, steps).__aenter__()
    # What every process pays once: code paths, pools, the pages of the store's roots.
    for number in range(WAVE):
        await (await host.start(five, number, id=f"warm-{number}")).result()
    before = _resident()
    for first in range(0, runs, WAVE):
        steps.expected += min(WAVE, runs - first)
        steps.all_there.clear()
        await asyncio.gather(
            *(host.start(waits, number, id=str(number)) for number in range(first, min(runs, first + WAVE)))
        )
        await steps.all_there.wait()
    after = _resident()
    await host.kill()
    return (after - before) / runs


def asleep(*, runs: int, folder: str) -> float:
    """Return bytes for each run that sleeps, in this process."""
    return asyncio.run(_asleep(runs, Path(folder)))


async def _asleep(runs: int, folder: Path) -> float:
    async with host_in(folder) as host:
        for number in range(FILLS_CACHES):
            await (await host.start(carries, "x" * A_MEGABYTE, id=f"large-{number}")).result()
        await _put_to_sleep(host, runs, "first")
        before = _resident()
        await _put_to_sleep(host, runs, "second")
        return (_resident() - before) / runs


async def _put_to_sleep(host: Host, runs: int, name: str) -> None:
    for first in range(0, runs, WAVE):
        await asyncio.gather(
            *(host.start(sleeps, number, id=f"{name}-{number}") for number in range(first, min(runs, first + WAVE)))
        )
    steady, last = 0, 0
    while steady < STEADY_LOOKS:
        await asyncio.sleep(SETTLE_S)
        now = resident_bytes()
        steady = steady + 1 if now == last else 0
        last = now


def _resident() -> int:
    gc.collect()
    return resident_bytes()
