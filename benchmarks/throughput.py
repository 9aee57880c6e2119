"""How many five-step workflows a second, with 1, 32, 256 and 1,024 at once, beside the floor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.child import measure
from benchmarks.question import Answer, Asked, Goal, median, progress
from benchmarks.steps import STEPS, open_side

SIDES = ("weft", "floor")
AT_ONCE = (1, 32, 256)
MANY = 1_024
SHARE_OF_FLOOR = 0.4
HELD_TO = 256

# A single run takes six commits one after the other, so few of them last long.
RUNS = {1: (150, 400), 32: (1_500, 5_000), 256: (6_000, 20_000), 1_024: (10_000, 30_000)}


def ask(asked: Asked) -> Answer:
    """Measure both sides in turn, A B A B …, each time in a fresh process, and take medians."""
    throughput: dict[str, dict[str, float]] = {}
    cpu: dict[str, dict[str, float]] = {}
    ratios: dict[str, float] = {}
    rows: list[tuple[str, ...]] = []
    for at_once in AT_ONCE if asked.quick else (*AT_ONCE, MANY):
        rounds = _rounds(asked, at_once)
        name = str(at_once)
        throughput[name] = {side: round(median([each[side]["rate"] for each in rounds]), 1) for side in SIDES}
        cpu[name] = {side: round(median([each[side]["cpu_us"] for each in rounds]), 1) for side in SIDES}
        ratios[name] = round(median([each["weft"]["rate"] / each["floor"]["rate"] for each in rounds]), 3)
        shown = [f"{throughput[name][side]:,.0f}" for side in SIDES]
        spent = [f"{cpu[name][side]:,.0f} us" for side in SIDES]
        rows.append((f"{at_once:,}", *shown, f"{ratios[name]:.2f}", *spent))
    return Answer(
        figures={"throughput": throughput, "throughput_ratio": ratios, "cpu_us_per_run": cpu},
        head=("runs at once", "weft runs/s", "floor runs/s", "weft/floor", "weft CPU/run", "floor CPU/run"),
        rows=rows,
        how=(
            f"Medians of {asked.rounds} rounds; in each, both sides one after the other, each in a fresh process with "
            "a fresh store; the ratio is the median of the rounds' ratios. CPU is that of the process, both threads."
        ),
        goals=[
            Goal(f"throughput, {HELD_TO} at once, of the floor", ratios[str(HELD_TO)], SHARE_OF_FLOOR, at_least=True)
        ],
    )


def _rounds(asked: Asked, at_once: int) -> list[dict[str, Any]]:
    runs = max(at_once, asked.count(*RUNS[at_once]))
    rounds: list[dict[str, Any]] = []
    for number in range(asked.rounds):
        found: dict[str, Any] = {}
        # Who begins changes from round to round: a machine that slows down favours nobody.
        for side in SIDES if number % 2 else reversed(SIDES):
            with asked.fresh_folder() as folder:
                found[side] = measure(
                    "throughput", "one_side", side=side, at_once=at_once, runs=runs, folder=str(folder)
                )
        said = ", ".join(f"{side} {found[side]['rate']:,.0f} runs/s" for side in SIDES)
        progress(f"throughput, {at_once} at once, round {number + 1} of {asked.rounds}: {said}")
        rounds.append(found)
    return rounds


def one_side(*, side: str, at_once: int, runs: int, folder: str, prefix: str = "") -> dict[str, float]:
    """Measure one side, in this process; `prefix` makes ids new where the store has been used before."""
    return asyncio.run(_one_side(side, at_once, runs=runs, folder=Path(folder), prefix=prefix))


async def _one_side(side: str, at_once: int, *, runs: int, folder: Path, prefix: str) -> dict[str, float]:
    async with open_side(side, folder) as opened:

        async def one_after_the_other(worker: int, count: int, stage: str) -> None:
            for number in range(count):
                result = await opened.run(f"{prefix}{stage}-{worker}-{number}", number)
                assert result == number + STEPS, "a wrong result is no result"

        async def all_at_once(count: int, stage: str) -> None:
            each = max(1, count // at_once)
            await asyncio.gather(*(one_after_the_other(worker, each, stage) for worker in range(at_once)))

        await all_at_once(runs // 10, "warm-up")
        began, cpu = time.perf_counter(), time.process_time()
        await all_at_once(runs, "measured")
        took, spent = time.perf_counter() - began, time.process_time() - cpu
    done = max(1, runs // at_once) * at_once
    return {"rate": done / took, "cpu_us": spent / done * 1e6}
