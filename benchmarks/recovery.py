"""How long it takes until 10,000 runs that were in flight when the process was killed have resumed their calls."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import heard, say, started
from benchmarks.question import Answer, Asked, Goal, median, progress
from benchmarks.steps import Steps, host_in, waits

WITHIN_S = 5.0
READY, RESUMED = "ready", "resumed"
WAVE = 500


def ask(asked: Asked) -> Answer:
    """Kill a process with all runs in flight, start the next, and wait for its word."""
    runs = asked.count(2_000, 10_000)
    times = 2 if asked.quick else 5
    took: list[float] = []
    with asked.fresh_folder() as folder:
        with started("recovery", "begin", runs=runs, folder=str(folder)) as (child, lines):
            heard(lines, READY)
            child.kill()
        for number in range(times):
            began = time.perf_counter()
            with started("recovery", "resume", runs=runs, folder=str(folder)) as (child, lines):
                heard(lines, RESUMED)
                took.append(time.perf_counter() - began)
                child.kill()
            progress(f"recovery, {number + 1} of {times}: {runs:,} runs resumed {took[-1]:.2f} s after the start")
    seconds = round(median(took), 3)
    return Answer(
        figures={"recovery_s": {str(runs): seconds}},
        head=("runs in flight", "all resumed after"),
        rows=[(f"{runs:,}", f"{seconds:.2f} s")],
        how=(
            f"The process is killed (SIGKILL) while {runs:,} runs wait in a call each; from the start of the next "
            f"process, imports included, until the last of the calls is made again. Median of {times} kills."
        ),
        goals=[Goal(f"recovery of {runs:,} runs in flight", seconds, WITHIN_S, "s")],
    )


def begin(*, runs: int, folder: str) -> None:
    """Start the runs, say so once all of them wait, and wait to be killed."""
    asyncio.run(_begin(runs, Path(folder)))


async def _begin(runs: int, folder: Path) -> None:
    steps = Steps()
    steps.expected = runs
    async with host_in(folder, steps) as host:
        for first in range(0, runs, WAVE):
            last = min(runs, first + WAVE)
            await asyncio.gather(*(host.start(waits, number, id=str(number)) for number in range(first, last)))
        await steps.all_there.wait()
        say(READY)
        await asyncio.Event().wait()


def resume(*, runs: int, folder: str) -> None:
    """Open the store, say so once all runs wait again, and wait to be killed."""
    asyncio.run(_resume(runs, Path(folder)))


async def _resume(runs: int, folder: Path) -> None:
    steps = Steps()
    steps.expected = runs
    async with host_in(folder, steps):
        await steps.all_there.wait()
        say(RESUMED)
        await asyncio.Event().wait()
