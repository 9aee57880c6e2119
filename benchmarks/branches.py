"""How long one run takes that makes 100 calls side by side, and one that makes 5,000 one after the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import heard, measure, say, started
from benchmarks.question import Answer, Asked, median, progress
from benchmarks.steps import BRANCHES, Steps, branches, host_in, lengthy

WARM_UP = 5
PART = 500
"""Steps at either end of the long run whose time is taken."""

READY, RESUMED = "ready", "resumed"
STEPS = {True: 1_000, False: 5_000}


def ask(asked: Asked) -> Answer:
    """Take both, each in fresh processes."""
    wide: list[float] = []
    long: list[dict[str, float]] = []
    replayed: list[float] = []
    count, steps = asked.count(10, 50), STEPS[asked.quick]
    for number in range(asked.rounds):
        with asked.fresh_folder() as folder:
            wide.append(median(measure("branches", "wide", count=count, folder=str(folder))))
        with asked.fresh_folder() as folder:
            with started("branches", "long", steps=steps, folder=str(folder)) as (child, lines):
                first, last = heard(lines, READY).split()
                child.kill()
            long.append({"first": float(first), "last": float(last)})
            began = time.perf_counter()
            with started("branches", "resume", steps=steps, folder=str(folder)) as (child, lines):
                heard(lines, RESUMED)
                replayed.append((time.perf_counter() - began) * 1000)
        progress(f"branches, round {number + 1} of {asked.rounds}: {wide[-1]:.1f} ms; {steps:,} steps, then a replay")
    figures = {
        "branches_ms": round(median(wide), 2),
        "long_run": {
            "entries": 2 * steps,
            "first_step_ms": round(median([each["first"] for each in long]), 3),
            "last_step_ms": round(median([each["last"] for each in long]), 3),
            "start_and_replay_ms": round(median(replayed), 1),
        },
    }
    ends = figures["long_run"]
    return Answer(
        figures=figures,
        head=("what", "time"),
        rows=[
            (f"{BRANCHES} calls side by side, start to result", f"{figures['branches_ms']:,.1f} ms"),
            (f"a step among the first {PART} of a long run", f"{ends['first_step_ms']:.2f} ms"),
            (f"a step among the last {PART}, at {2 * steps:,} entries and commands", f"{ends['last_step_ms']:.2f} ms"),
            ("a new process replays that run and makes its next call", f"{ends['start_and_replay_ms']:,.0f} ms"),
        ],
        how=(
            f"Medians of {asked.rounds} rounds; {count} runs with {BRANCHES} branches each, and one run with {steps:,} "
            "steps, whose process is then killed. The replay is taken from the start of the process, imports included."
        ),
    )


def wide(*, count: int, folder: str) -> list[float]:
    """Return the milliseconds of each run with many branches, in this process."""
    return asyncio.run(_wide(count, Path(folder)))


async def _wide(count: int, folder: Path) -> list[float]:
    took: list[float] = []
    async with host_in(folder) as host:
        for number in range(WARM_UP + count):
            began = time.perf_counter()
            run = await host.start(branches, number, id=f"run-{number}")
            assert await run.result() == BRANCHES * (number + 1), "a wrong result is no result"
            took.append((time.perf_counter() - began) * 1000)
    return took[WARM_UP:]


def long(*, steps: int, folder: str) -> None:
    """Run one run with very many steps until it waits in its last call, say how long its steps took, and wait."""
    asyncio.run(_long(steps, Path(folder), began=True))


def resume(*, steps: int, folder: str) -> None:
    """Open the store, say so once the run waits again, and wait to be killed."""
    asyncio.run(_long(steps, Path(folder), began=False))


async def _long(steps: int, folder: Path, *, began: bool) -> None:
    service = Steps()
    service.expected = 1
    async with host_in(folder, service) as host:
        if began:
            await host.start(lengthy, steps, id="long")
        await service.all_there.wait()
        if began:
            at = service.at_s
            each = [(part[-1] - part[0]) / (len(part) - 1) * 1000 for part in (at[:PART], at[-PART:])]
            say(f"{READY} {each[0]} {each[1]}")
        else:
            say(RESUMED)
        await asyncio.Event().wait()
