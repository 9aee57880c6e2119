"""What weft costs on Temporal: the five-step workflow through weft and written by hand, on one server, in turn."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.child import ROOT, measure
from benchmarks.question import Answer, Asked, Goal, median, percentile, progress
from benchmarks.steps import STEPS, Side, Weft, host_on, open_side

SCRIPT = ROOT / "scripts/servers/temporal.sh"
SIDES = ("weft", "by_hand")
EMBEDDED = "embedded"
AT_ONCE = (1, 32, 256)
RUNS = {1: (10, 30), 32: (64, 192), 256: (256, 512)}
SHARE_OF_HAND = 0.95
TIMES_THE_HAND = 1.05
TIMES_TEMPORAL = 300
HELD_TO = 256
AS_IT_COMES, QUICK = "as it comes", "WAL, 2000 polls a second"
SERVERS = {QUICK: (), AS_IT_COMES: ("--as-it-comes",)}
ROUNDS = {QUICK: 5, AS_IT_COMES: 1}
"""With --quick, one of each: the server needs a minute for what weft does in a blink."""


def ask(asked: Asked) -> Answer:
    """Measure all sides in turn on each of two servers, each side in a fresh process."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, options in SERVERS.items():
        with asked.fresh_folder() as folder, server(folder, options) as address:
            if not address:
                return Answer({"temporal": {}}, ("server",), [], "Not measured: there is no Temporal server.")
            found[name] = {str(at_once): _rounds(asked, name, address, at_once=at_once) for at_once in AT_ONCE}
    held = found[QUICK]
    return Answer(
        figures={"temporal": found},
        head=("server", "runs at once", *(f"{side} runs/s" for side in (*SIDES, EMBEDDED)), "ratio", "p50", "by hand"),
        rows=[_row(name, at_once, each) for name, by_number in found.items() for at_once, each in by_number.items()],
        how=(
            f"One development server with a SQLite file for both sides, in turn; medians of {_times(asked, QUICK)} "
            f"rounds, {_times(asked, AS_IT_COMES)} on the server as it comes, which polls its one shard 20 times a "
            "second and syncs its file as SQLite does by default. A ratio is the median of the rounds' ratios of "
            "throughput. The client and the worker are one process, on the machine of the server. The embedded engine "
            "does without a server."
        ),
        goals=[
            *(
                Goal(f"on Temporal, {number} at once, of by hand", each["ratio"], SHARE_OF_HAND, at_least=True)
                for number, each in held.items()
            ),
            Goal("on Temporal, latency alone, of by hand", held["1"]["latency_ratio"], TIMES_THE_HAND),
            Goal(
                f"embedded, {HELD_TO} at once, times Temporal's server as it comes",
                found[AS_IT_COMES][str(HELD_TO)]["embedded_times"],
                TIMES_TEMPORAL,
                at_least=True,
            ),
        ],
    )


def _row(name: str, at_once: str, each: dict[str, Any]) -> tuple[str, ...]:
    rates = (f"{each[side]:,.1f}" for side in (*SIDES, EMBEDDED))
    return (name, at_once, *rates, f"{each['ratio']:.2f}", *(f"{each['p50_ms'][side]:,.0f} ms" for side in SIDES))


def _times(asked: Asked, name: str) -> int:
    return 1 if asked.quick else ROUNDS[name]


def _rounds(asked: Asked, name: str, address: str, *, at_once: int) -> dict[str, Any]:
    runs = max(at_once, asked.count(*RUNS[at_once]))
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(_times(asked, name)):
        sides = (*SIDES, EMBEDDED)
        found: dict[str, dict[str, float]] = {}
        for side in sides if number % 2 else reversed(sides):
            with asked.fresh_folder() as folder:
                more = {"address": address, "folder": str(folder), "prefix": f"{at_once}-{number}-{os.getpid()}-"}
                found[side] = measure("temporal", "one_side", side=side, at_once=at_once, runs=runs, **more)
        said = ", ".join(f"{side} {found[side]['rate']:,.1f} runs/s" for side in sides)
        progress(f"temporal, {name}, {at_once} at once, round {number + 1} of {_times(asked, name)}: {said}")
        rounds.append(found)
    rates = {side: round(median([each[side]["rate"] for each in rounds]), 2) for side in (*SIDES, EMBEDDED)}
    return {
        **rates,
        "p50_ms": {side: round(median([each[side]["p50_ms"] for each in rounds]), 2) for side in (*SIDES, EMBEDDED)},
        "ratio": round(median([each["weft"]["rate"] / each["by_hand"]["rate"] for each in rounds]), 3),
        "latency_ratio": round(median([each["weft"]["p50_ms"] / each["by_hand"]["p50_ms"] for each in rounds]), 3),
        "embedded_times": round(median([each[EMBEDDED]["rate"] / each["by_hand"]["rate"] for each in rounds]), 1),
    }


@contextmanager
def server(folder: Path, options: tuple[str, ...]) -> Iterator[str]:
    """Start a server whose file lies in the folder, and stop it afterwards; yields its address, or nothing."""
    state = ("--state", str(folder / "temporal"))
    command = [SCRIPT, "start", *state, *options]
    environment = {**os.environ, "WEFT_PYTHON": sys.executable}
    started = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if started.returncode:
        yield ""
        return
    try:
        yield started.stdout.splitlines()[-1]
    finally:
        subprocess.run([SCRIPT, "stop", *state], stdout=sys.stderr, check=True)


@asynccontextmanager
async def _open(side: str, address: str, folder: Path) -> AsyncIterator[Side]:
    if side == "weft":
        async with host_on(f"temporal://{address}/default?task_queue=weft") as host:
            yield Weft(host)
    elif side == "by_hand":
        async with import_module("benchmarks.peers.temporal").open_by_hand(address) as by_hand:
            yield by_hand
    else:
        async with open_side("weft", folder) as embedded:
            yield embedded


def one_side(**given: Any) -> dict[str, float]:
    """Measure one side, in this process."""
    return asyncio.run(_one_side(**given))


async def _one_side(*, side: str, address: str, folder: str, at_once: int, runs: int, prefix: str) -> dict[str, float]:
    took: list[float] = []
    async with _open(side, address, Path(folder)) as opened:

        async def one_after_the_other(worker: int, count: int, stage: str) -> None:
            for number in range(count):
                began = time.perf_counter()
                result = await opened.run(f"{prefix}{stage}-{worker}-{number}", number)
                assert result == number + STEPS, "a wrong result is no result"
                took.append((time.perf_counter() - began) * 1000)

        await one_after_the_other(0, 2, "warm-up")
        took.clear()
        began = time.perf_counter()
        each = max(1, runs // at_once)
        await asyncio.gather(*(one_after_the_other(worker, each, "measured") for worker in range(at_once)))
        lasted = time.perf_counter() - began
    return {"rate": each * at_once / lasted, "p50_ms": percentile(took, 50)}
