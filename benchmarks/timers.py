"""How late timers fire while very many are set."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import measure
from benchmarks.question import Answer, Asked, percentile, progress
from benchmarks.steps import Steps, host_in

UNTIL_FIRST_S = 10
OVER_S = {True: 10, False: 60}
TIMERS = {True: 10_000, False: 100_000}


def ask(asked: Asked) -> Answer:
    """Let all timers fire, spread evenly, and take how late each run's next line is executed."""
    timers, over_s = TIMERS[asked.quick], OVER_S[asked.quick]
    with asked.fresh_folder() as folder:
        first_ms = int((time.time() + UNTIL_FIRST_S + timers / 10_000) * 1000)
        waking = {"from_ms": first_ms, "over_ms": over_s * 1000}
        measure("filling", "fill", folder=str(folder), waking=waking, copies=timers)
        progress(f"timers: {timers:,} are set")
        late = measure("timers", "lateness", folder=str(folder), timers=timers)
    found = {name: round(percentile(late, percent), 2) for name, percent in (("p50", 50), ("p99", 99), ("max", 100))}
    return Answer(
        figures={"timer_lateness_ms": {"timers": timers, **found}},
        head=("timers", "p50 late", "p99 late", "latest"),
        rows=[(f"{timers:,}", *(f"{value:,.1f} ms" for value in found.values()))],
        how=(
            f"{timers:,} runs sleep, all of them rows when the process starts, and wake evenly over {over_s} s, "
            f"{timers // over_s:,} a second. From the time that a timer was due until an operation that the run calls "
            "next is executed: until then the run is read and replayed, and its step is written."
        ),
    )


def lateness(*, folder: str, timers: int) -> list[float]:
    """Return by how many milliseconds each was late, in this process."""
    return asyncio.run(_lateness(Path(folder), timers))


async def _lateness(folder: Path, timers: int) -> list[float]:
    steps = Steps()
    steps.expected = timers
    async with host_in(folder, steps):
        await steps.all_there.wait()
    return steps.late_ms
