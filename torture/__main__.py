"""`python -m torture`: kill a market that uses every verb, again and again, and audit what is left of it.

Each round makes a store and starts a market on it: sagas, updates, children, generations, signals, timers, workflows
offered as operations, with faults and with a clock that jumps. Its process group is killed with SIGKILL at random
moments, right after a commit of the engine and before anything of it has left, or between a service's commit and its
reply, also while it still recovers, and started again; a second process reads, signals, cancels and terminates
meanwhile. When all runs have ended, the files are read with nothing but SQLite: every effect is there once, or taken
back, in order.

    make torture ARGS="--kills 200 --json"
    make torture ARGS="--seed 7 --round 12"

Exit codes: 0 nothing found, 1 a finding, whose store is kept, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from torture.rounds import MOST_KILLS, Asked, Outcome
from torture.workers import Workers

KILLS = 10_000
SEED = 1
ORDERS = 28
FAULTS = 0.1
WORKERS = 2
LAST_ROUND = 2**31
TALK_EVERY = 500
"""Kills between two lines where there is no terminal to draw a bar on."""

SHOWN = 20
"""Findings of one round that are shown; all of them are in the JSON."""


@dataclass(slots=True)
class Tally:
    """What was done, and what was found."""

    kills: int = 0
    rounds: int = 0
    unsound: list[Outcome] = field(default_factory=list[Outcome])

    def as_json(self, seed: int, took_s: float) -> dict[str, object]:
        """Return one object for programs."""
        return {
            "kills": self.kills,
            "rounds": self.rounds,
            "lost": sum(len(each.lost) for each in self.unsound),
            "doubled": sum(len(each.doubled) for each in self.unsound),
            "wrong": sum(len(each.wrong) for each in self.unsound),
            "seed": seed,
            "seconds": round(took_s, 1),
            "findings": [
                {
                    "round": each.number,
                    "store": each.store,
                    "lost": each.lost,
                    "doubled": each.doubled,
                    "wrong": each.wrong,
                }
                for each in self.unsound
            ],
        }


def main() -> int:
    """Kill until enough were killed; 1 if anything was found."""
    given = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="weft-torture-", dir=given.folder))
    asked = Asked(given.seed, folder, given.orders, given.faults)
    workers = Workers(asked, _plans(given))
    talk, tally, begun = Console(stderr=True, highlight=False), Tally(), time.monotonic()
    with _bar(talk) as bar:
        task = bar.add_task("", total=given.kills if given.round is None else None, rounds=0, found=0)

        def killed() -> None:
            tally.kills += 1
            bar.update(task, completed=tally.kills, rounds=tally.rounds, found=len(tally.unsound))
            if not talk.is_terminal and tally.kills % TALK_EVERY == 0:
                talk.print(f"{tally.kills:,} kills, {tally.rounds:,} rounds, {len(tally.unsound)} with findings")

        for outcome in workers.outcomes(killed):
            tally.rounds += 1
            if not outcome.is_sound:
                tally.unsound.append(outcome)
                _show(talk, outcome, asked)
    return _conclude(talk, tally, asked, took_s=time.monotonic() - begun, as_json=given.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=_positive, default=KILLS, help=f"how often to kill (default: {KILLS:,})")
    parser.add_argument("--seed", type=int, default=SEED, help="decides the plan of every round (default: %(default)s)")
    parser.add_argument("--round", type=int, help="do this one round again, with all of its kills")
    parser.add_argument("--orders", type=_positive, default=ORDERS, help="orders of a round (default: %(default)s)")
    parser.add_argument("--faults", type=float, default=FAULTS, help="fraction of attempts (default: %(default)s)")
    parser.add_argument("--workers", type=_positive, default=WORKERS, help="rounds side by side (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where stores are made (default: temporary)")
    parser.add_argument("--json", action="store_true", help="end with one object on the last line")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


def _plans(given: argparse.Namespace) -> list[tuple[range, int]]:
    if given.round is not None:
        return [(range(given.round, given.round + 1), MOST_KILLS)]
    shares = [given.kills // given.workers + (each < given.kills % given.workers) for each in range(given.workers)]
    return [(range(each, LAST_ROUND, given.workers), kills) for each, kills in enumerate(shares) if kills]


def _bar(talk: Console) -> Progress:
    return Progress(
        TextColumn("kills"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rounds]} rounds, {task.fields[found]} with findings"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=talk,
        disable=not talk.is_terminal,
    )


def _show(talk: Console, outcome: Outcome, asked: Asked) -> None:
    again = f'make torture ARGS="--seed {asked.seed} --round {outcome.number} --orders {asked.orders}"'
    talk.print(f"round {outcome.number}: {again}; its store is {outcome.store}", markup=False, soft_wrap=True)
    for kind, found in (("lost", outcome.lost), ("doubled", outcome.doubled), ("wrong", outcome.wrong)):
        for each in found[:SHOWN]:
            talk.print(f"  {kind}: {each}", markup=False, soft_wrap=True)


def _conclude(talk: Console, tally: Tally, asked: Asked, *, took_s: float, as_json: bool) -> int:
    if not tally.unsound:
        shutil.rmtree(asked.folder)
    found = tally.as_json(asked.seed, took_s)
    text = "{kills} kills in {rounds} rounds, {seconds} s: {lost} lost, {doubled} doubled, {wrong} wrong; seed {seed}"
    talk.print(text.format(**found))
    if as_json:
        print(json.dumps(found), flush=True)
    return 1 if tally.unsound else 0


if __name__ == "__main__":
    sys.exit(main())
