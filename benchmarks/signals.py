"""How long it takes from the sending of a signal to what the run does on it, for a run that waits alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.child import measure
from benchmarks.question import Answer, Asked, median, percentile, progress
from benchmarks.steps import Ping, Pong, Steps, answers, echoes, host_in

WARM_UP = 20
KINDS = {"signal": "signal, sent until the run's call arrives", "update": "update, asked until it is answered"}


def ask(asked: Asked) -> Answer:
    """Send signals and ask updates one after the other, each in fresh processes, and take medians of percentiles."""
    count = asked.count(100, 400)
    found: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for number in range(asked.rounds):
        for kind, rounds in found.items():
            with asked.fresh_folder() as folder:
                rounds.append(measure("signals", f"{kind}s", count=count, folder=str(folder)))
        said = ", ".join(f"{kind} {median(rounds[-1]):.2f} ms" for kind, rounds in found.items())
        progress(f"signals, round {number + 1} of {asked.rounds}: {said}")
    latency = {
        kind: {
            name: round(median([percentile(each, percent) for each in rounds]), 3)
            for name, percent in (("p50", 50), ("p99", 99))
        }
        for kind, rounds in found.items()
    }
    return Answer(
        figures={"signal_latency_ms": latency},
        head=("what", "p50", "p99"),
        rows=[
            (text, f"{latency[kind]['p50']:.2f} ms", f"{latency[kind]['p99']:.2f} ms") for kind, text in KINDS.items()
        ],
        how=(
            f"{count} one after the other to one run that is in memory, in each of {asked.rounds} rounds. A signal is "
            "on the disk, and so is the call that the run makes on it, before the call arrives; an update and its "
            "answer are, before the answer leaves."
        ),
    )


def signals(*, count: int, folder: str) -> list[float]:
    """Return the milliseconds of each signal, in this process."""
    return asyncio.run(_signals(count, Path(folder)))


async def _signals(count: int, folder: Path) -> list[float]:
    steps = Steps()
    took: list[float] = []
    async with host_in(folder, steps) as host:
        run = await host.start(echoes, WARM_UP + count, id="echo")
        for _ in range(WARM_UP + count):
            steps.all_there.clear()
            began = time.perf_counter()
            await run.send(Ping())
            await steps.all_there.wait()
            took.append((time.perf_counter() - began) * 1000)
        await run.result()
    return took[WARM_UP:]


def updates(*, count: int, folder: str) -> list[float]:
    """Return the milliseconds of each update, in this process."""
    return asyncio.run(_updates(count, Path(folder)))


async def _updates(count: int, folder: Path) -> list[float]:
    took: list[float] = []
    async with host_in(folder) as host:
        run = await host.start(answers, WARM_UP + count, id="answer")
        for number in range(WARM_UP + count):
            began = time.perf_counter()
            assert await run.ask(Pong(number)) == number, "a wrong answer is no answer"
            took.append((time.perf_counter() - began) * 1000)
        await run.result()
    return took[WARM_UP:]
