"""`python -m benchmarks`: ask the questions, show the answers.

Tables on stdout, progress on stderr; with --json the last line of stdout is one object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    asleep,
    branches,
    growth,
    imports,
    large,
    latency,
    memory,
    profile,
    recovery,
    report,
    signals,
    temporal,
    throughput,
    timers,
)
from benchmarks.conditions import conditions
from benchmarks.question import Answer, Asked, progress

RESULTS = Path(__file__).parent / "RESULTS.md"

QUESTIONS: dict[str, Callable[[Asked], Answer]] = {
    "throughput": throughput.ask,
    "latency": latency.ask,
    "memory": memory.ask,
    "recovery": recovery.ask,
    "asleep": asleep.ask,
    "growth": growth.ask,
    "signals": signals.ask,
    "timers": timers.ask,
    "branches": branches.ask,
    "large": large.ask,
    "temporal": temporal.ask,
    "imports": imports.ask,
}


def main() -> None:
    """Measure what was asked for."""
    given = _arguments()
    folder = given.folder or Path(tempfile.gettempdir())
    asked = Asked(quick=given.quick, runs=given.runs, folder=folder, alone=given.alone)
    taken = {"kind": "quick, short runs" if asked.quick else "thorough", **conditions(folder)}
    for name, value in taken.items():
        print(f"{name}: {value}")
    answers: dict[str, Answer] = {}
    for name in given.only or QUESTIONS:
        answer = answers[name] = QUESTIONS[name](asked)
        print(f"\n{name}\n{report.table(answer.head, answer.rows)}\n{answer.how}", flush=True)
    goals = [goal for answer in answers.values() for goal in answer.goals]
    print(f"\ngoals\n{report.goals_table(goals)}", flush=True)
    if given.write_results:
        beside = json.loads(given.beside.read_text(encoding="utf-8").splitlines()[-1]) if given.beside else None
        page = report.page(answers, taken, profile.shares(asked), beside=beside)
        RESULTS.write_text(page + _by_hand(RESULTS.read_text(encoding="utf-8")), encoding="utf-8")
        progress(f"written to {RESULTS}")
    if given.json:
        print(json.dumps(report.as_object(answers, taken)))


def _by_hand(page: str) -> str:
    """Return what people wrote at the end of the page: it is kept as it is."""
    _, mark, written = page.partition(report.BY_HAND)
    return mark + written


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast weft is, beside the bare floor."
    )
    parser.add_argument("--only", action="append", choices=list(QUESTIONS), help="ask this only; may be given again")
    parser.add_argument("--quick", action="store_true", help="short runs, small stores")
    parser.add_argument("--json", action="store_true", help="end with one object on the last line of stdout")
    parser.add_argument("--runs", type=int, help="runs in each measurement, in place of each question's own number")
    parser.add_argument(
        "--folder", type=Path, help="where stores are made: on the disk to measure (default: temporary)"
    )
    parser.add_argument("--alone", action="store_true", help="leave the peers out")
    parser.add_argument(
        "--beside", type=Path, help="what --json printed on another Python: its figures stand beside in the page"
    )
    parser.add_argument("--write-results", action="store_true", help=f"write {RESULTS.name}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
