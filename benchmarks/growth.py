"""Whether throughput stays what it was once a store holds very many finished runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.child import ROOT, environment, measure
from benchmarks.question import Answer, Asked, Goal, median, progress
from benchmarks.steps import store_url

AT_ONCE = 256
SHARE_OF_EMPTY = 0.9
LIST = "import sys; from weft.cli import main; sys.argv = ['weft', 'runs', 'list', '--engine', sys.argv[1]]; main()"


def ask(asked: Asked) -> Answer:
    """Measure in turn on an empty store and on a full one, each time in a fresh process."""
    finished = 100_000 if asked.quick else 1_000_000
    runs = max(AT_ONCE, asked.count(5_000, 20_000))
    rates: dict[str, list[float]] = {"empty": [], "full": []}
    with asked.fresh_folder() as folder:
        folders = {name: folder / name for name in rates}
        for each in folders.values():
            each.mkdir()
        size = measure("filling", "fill", folder=str(folders["full"]), finished=finished)
        progress(f"growth: {finished:,} finished runs are {size / 1e6:,.0f} MB")
        for number in range(asked.rounds):
            for name in rates if number % 2 else reversed(rates):
                found = measure(
                    "throughput",
                    "one_side",
                    side="weft",
                    at_once=AT_ONCE,
                    runs=runs,
                    folder=str(folders[name]),
                    prefix=f"round-{number}-",
                )
                rates[name].append(found["rate"])
            said = ", ".join(f"{name} {each[-1]:,.0f} runs/s" for name, each in rates.items())
            progress(f"growth, round {number + 1} of {asked.rounds}: {said}")
        lists = {
            name: round(median([_list_ms(each) for _ in range(asked.rounds)]), 1) for name, each in folders.items()
        }
    found = {name: round(median(each), 1) for name, each in rates.items()}
    ratio = round(median([full / empty for full, empty in zip(rates["full"], rates["empty"], strict=True)]), 3)
    return Answer(
        figures={"growth": {**found, "finished": finished, "ratio": ratio, "store_bytes": size, "list_ms": lists}},
        head=("finished runs in the store", "runs/s", "weft runs list"),
        rows=[
            ("0", f"{found['empty']:,.0f}", f"{lists['empty']:,.0f} ms"),
            (f"{finished:,}", f"{found['full']:,.0f}", f"{lists['full']:,.0f} ms"),
        ],
        how=(
            f"{AT_ONCE} at once, medians of {asked.rounds} rounds, both stores in turn. The full one was filled with "
            f"copies of a run that had ended; it has {size / 1e6:,.0f} MB. "
            "The list is the command's first page, from outside, the interpreter's start included."
        ),
        goals=[
            Goal(f"throughput with {finished:,} finished runs, of an empty store", ratio, SHARE_OF_EMPTY, at_least=True)
        ],
    )


def _list_ms(folder: Path) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", LIST, store_url(folder)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=ROOT, env=environment())
    return (time.perf_counter() - began) * 1000
