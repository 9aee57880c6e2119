"""Whether a store with very many sleeping runs starts as fast as an empty one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import heard, measure, say, started
from benchmarks.question import Answer, Asked, Goal, median, progress
from benchmarks.steps import five, host_in

SLOWER_BY_S = 0.1
FIRST_DONE = "done"


def ask(asked: Asked) -> Answer:
    """Start in turn on an empty store and on a full one; until the first new run has ended."""
    sleeping = 100_000 if asked.quick else 1_000_000
    took: dict[int, list[float]] = {0: [], sleeping: []}
    with asked.fresh_folder() as folder:
        folders = {count: folder / str(count) for count in took}
        for count, each in folders.items():
            each.mkdir()
            measure("filling", "fill", folder=str(each), asleep=count)
        for number in range(asked.rounds):
            for count, each in folders.items():
                began = time.perf_counter()
                with started("asleep", "start", folder=str(each), run_id=f"new-{number}") as (_, lines):
                    heard(lines, FIRST_DONE)
                    took[count].append(time.perf_counter() - began)
            said = ", ".join(f"{count:,} asleep {took[count][-1]:.2f} s" for count in took)
            progress(f"asleep, round {number + 1} of {asked.rounds}: {said}")
    seconds = {str(count): round(median(each), 3) for count, each in took.items()}
    slower = round(seconds[str(sleeping)] - seconds["0"], 3)
    return Answer(
        figures={"asleep_start_s": seconds},
        head=("runs asleep", "first new run done after"),
        rows=[(f"{int(count):,}", f"{each:.2f} s") for count, each in seconds.items()],
        how=(
            "From the start of the process, imports included, until a five-step workflow has ended; both stores in "
            f"turn, medians of {asked.rounds}. The sleepers wake over a month."
        ),
        goals=[Goal(f"start with {sleeping:,} asleep, slower by", slower, SLOWER_BY_S, "s")],
    )


def start(*, folder: str, run_id: str) -> None:
    """Open the store, run one workflow, say so."""
    asyncio.run(_start(Path(folder), run_id))


async def _start(folder: Path, run_id: str) -> None:
    async with host_in(folder) as host:
        await (await host.start(five, 0, id=run_id)).result()
        say(FIRST_DONE)
