"""How long one five-step workflow takes that is alone, beside the floor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import measure
from benchmarks.question import Answer, Asked, Goal, median, percentile, progress
from benchmarks.steps import open_side

SIDES = ("weft", "floor")
TIMES_THE_FLOOR = 1.5
WARM_UP = 20


def ask(asked: Asked) -> Answer:
    """Measure both sides in turn, each time in a fresh process, and take medians of the percentiles."""
    runs = asked.count(100, 400)
    found: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for number in range(asked.rounds):
        for side in SIDES if number % 2 else reversed(SIDES):
            with asked.fresh_folder() as folder:
                found[side].append(measure("latency", "one_side", side=side, runs=runs, folder=str(folder)))
        said = ", ".join(f"{side} {median(found[side][-1]):.2f} ms" for side in SIDES)
        progress(f"latency, round {number + 1} of {asked.rounds}: {said}")
    latency = {
        side: {
            name: round(median([percentile(each, percent) for each in found[side]]), 3)
            for name, percent in (("p50", 50), ("p99", 99))
        }
        for side in SIDES
    }
    pairs = zip(found["weft"], found["floor"], strict=True)
    ratio = round(median([median(weft) / median(floor) for weft, floor in pairs]), 3)
    return Answer(
        figures={"latency_ms": {**latency, "ratio": ratio}},
        head=("side", "p50", "p99"),
        rows=[(side, f"{latency[side]['p50']:.2f} ms", f"{latency[side]['p99']:.2f} ms") for side in SIDES],
        how=f"{runs} runs one after the other in each of {asked.rounds} rounds, both sides in turn, start to result.",
        goals=[Goal("latency of one workflow alone, of the floor", ratio, TIMES_THE_FLOOR)],
    )


def one_side(*, side: str, runs: int, folder: str) -> list[float]:
    """Return the milliseconds of each run, in this process."""
    return asyncio.run(_one_side(side, runs, Path(folder)))


async def _one_side(side: str, runs: int, folder: Path) -> list[float]:
    took: list[float] = []
    async with open_side(side, folder) as opened:
        for number in range(WARM_UP + runs):
            began = time.perf_counter()
            await opened.run(f"run-{number}", number)
            took.append((time.perf_counter() - began) * 1000)
    return took[WARM_UP:]
