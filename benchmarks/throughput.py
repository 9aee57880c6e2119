"""How many five-step workflows a second, with 1, 32, 256 and 1,024 at once, beside the floor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.child import measure
from benchmarks.peers.present import DBOS, RESTATE, peers
from benchmarks.question import Answer, Asked, Goal, median, progress
from benchmarks.steps import STEPS, open_side

SIDES = ("weft", "floor")
AT_ONCE = (1, 32, 256)
MANY = 1_024
SHARE_OF_FLOOR = 0.4
TIMES = {DBOS: 100, RESTATE: 15}
"""How many times a peer's throughput weft's is held to; DBOS as it comes."""
HELD_TO = 256
PEER_ROUNDS = 3

# A single run takes six commits one after the other, so few of them last long.
RUNS = {1: (150, 400), 32: (1_500, 5_000), 256: (6_000, 20_000), 1_024: (10_000, 30_000)}
PEER_RUNS = {1: (20, 100), 32: (128, 640), 256: (256, 1_024)}


def ask(asked: Asked) -> Answer:
    """Measure all sides in turn, A B C A B C …, each time in a fresh process, and take medians."""
    throughput: dict[str, dict[str, float]] = {}
    cpu: dict[str, dict[str, float]] = {}
    ratios: dict[str, dict[str, float]] = {}
    sides = (*SIDES, *_peers(asked))
    for at_once in AT_ONCE if asked.quick else (*AT_ONCE, MANY):
        rounds = _rounds(asked, at_once)
        name = str(at_once)
        throughput[name] = {side: round(median(_of(rounds, side, "rate")), 1) for side in sides if side in rounds[0]}
        cpu[name] = {side: round(median(_of(rounds, side, "cpu_us")), 1) for side in SIDES}
        ratios[name] = {side: _ratio(rounds, side) for side in throughput[name] if side != "weft"}
    held = ratios[str(HELD_TO)]
    return Answer(
        figures={
            "throughput": throughput,
            "throughput_ratio": {name: each["floor"] for name, each in ratios.items()},
            "times_the_peers": {name: _but_floor(each) for name, each in ratios.items()},
            "cpu_us_per_run": cpu,
        },
        head=("runs at once", *(f"{side} runs/s" for side in sides), "weft/floor", "weft CPU/run", "floor CPU/run"),
        rows=[_row(name, throughput[name], sides, ratio=ratios[name]["floor"], cpu=cpu[name]) for name in throughput],
        how=(
            f"Medians of {asked.rounds} rounds; in each, all sides one after the other, each in a fresh process with "
            "a fresh store; a ratio is the median of the rounds' ratios. CPU is that of the process, both threads. "
            "The peers do as their documentation says, with nothing turned off; they take part in the first "
            f"{PEER_ROUNDS} rounds, with fewer runs, since they need longer."
        ),
        goals=[
            Goal(f"throughput, {HELD_TO} at once, of the floor", held["floor"], SHARE_OF_FLOOR, at_least=True),
            *(
                Goal(f"throughput, {HELD_TO} at once, times {side}", held[side], times, at_least=True)
                for side, times in TIMES.items()
                if side in held
            ),
        ],
    )


def _peers(asked: Asked) -> tuple[str, ...]:
    return () if asked.alone else peers()


def _row(
    name: str, rates: dict[str, float], sides: tuple[str, ...], *, ratio: float, cpu: dict[str, float]
) -> tuple[str, ...]:
    shown = [f"{rates[side]:,.0f}" if side in rates else "" for side in sides]
    return (f"{int(name):,}", *shown, f"{ratio:.2f}", *(f"{cpu[side]:,.0f} us" for side in SIDES))


def _of(rounds: list[dict[str, Any]], side: str, figure: str) -> list[float]:
    return [each[side][figure] for each in rounds if side in each]


def _ratio(rounds: list[dict[str, Any]], side: str) -> float:
    return round(median([each["weft"]["rate"] / each[side]["rate"] for each in rounds if side in each]), 3)


def _but_floor(ratios: dict[str, float]) -> dict[str, float]:
    return {side: ratio for side, ratio in ratios.items() if side != "floor"}


def _rounds(asked: Asked, at_once: int) -> list[dict[str, Any]]:
    rounds: list[dict[str, Any]] = []
    for number in range(asked.rounds):
        found: dict[str, Any] = {}
        with_peers = at_once in PEER_RUNS and number < PEER_ROUNDS
        sides = (*SIDES, *(_peers(asked) if with_peers else ()))
        # Who begins changes from round to round: a machine that slows down favours nobody.
        for side in sides if number % 2 else reversed(sides):
            runs = max(at_once, asked.count(*(RUNS if side in SIDES else PEER_RUNS)[at_once]))
            with asked.fresh_folder() as folder:
                found[side] = measure(
                    "throughput", "one_side", side=side, at_once=at_once, runs=runs, folder=str(folder)
                )
        said = ", ".join(f"{side} {found[side]['rate']:,.0f} runs/s" for side in sides)
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
