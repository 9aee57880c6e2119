"""`python -m differential`: random programs on the embedded engine and on Temporal's server; they must end alike.

Programs over every verb are drawn by a seed: sequences, gathers, races, timers, signals, updates, children, sagas,
generations, patches, failures. Each is performed on both engines with the same faults, the same messages and the same
cancellation, and how it ended is compared: the end of every run, what was done and taken back, and in which order where
the program says so. A program that differs is made as small as it gets.

    make differential
    make differential ARGS="--programs 200 --seed 7 --json"

Without --address a development server is started for this and stopped behind it.
Exit codes: 0 nothing differs, 1 something does, 2 wrong use, 3 there is no server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from differential.judging import Finding, Judge, Report
from differential.trials import Trial

SCRIPT = Path(__file__).parents[1] / "scripts" / "servers" / "temporal.sh"
PROGRAMS = 1_000
SEED = 1
SECOND_MS = 1_000
AT_ONCE = 150
TALK_EVERY = 100
SHRUNK = 3
"""Programs that are made smaller; it takes a while."""

NO_SERVER = 3


def main() -> int:
    """Compare; 1 if anything differs."""
    given = _arguments()
    # A failed attempt is what the faults are for; a line for each of them would bury the findings.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    logging.getLogger("weft").setLevel(logging.CRITICAL)
    talk, begun = Console(stderr=True, highlight=False), time.monotonic()
    with _server(given.address) as address:
        if not address:
            return NO_SERVER
        report, shrunk = asyncio.run(_compare(given, address, talk))
    found = _as_json(report, shrunk, seed=given.seed, took_s=time.monotonic() - begun)
    text = (
        "{programs} programs in {seconds} s, {different} end otherwise; {unsteady} left out, {again} again; seed {seed}"
    )
    talk.print(text.format(**found))
    if given.json:
        print(json.dumps(found), flush=True)
    return 1 if report.findings else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m differential", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=_positive, default=PROGRAMS, help=f"how many (default: {PROGRAMS:,})")
    parser.add_argument("--seed", type=int, default=SEED, help="decides programs and faults (default: %(default)s)")
    parser.add_argument("--address", help="of a Temporal server (default: one is started)")
    parser.add_argument(
        "--second-ms",
        type=_positive,
        default=SECOND_MS,
        help="how long a program's second takes (default: %(default)s)",
    )
    parser.add_argument("--at-once", type=_positive, default=AT_ONCE, help="programs at once (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="end with one object on the last line")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


@contextmanager
def _server(address: str | None) -> Iterator[str]:
    """Start a server and stop it again, unless one was named; an empty address if there is none."""
    if address is not None:
        yield address
        return
    with tempfile.TemporaryDirectory(prefix="weft-differential-") as folder:
        started = subprocess.run([SCRIPT, "start", "--state", folder], stdout=subprocess.PIPE, text=True, check=False)
        try:
            yield started.stdout.splitlines()[-1] if started.returncode == 0 else ""
        finally:
            subprocess.run([SCRIPT, "stop", "--state", folder], check=False)


async def _compare(given: argparse.Namespace, address: str, talk: Console) -> tuple[Report, list[Finding]]:
    with _bar(talk) as bar:
        task = bar.add_task("", total=given.programs)
        done = 0

        def over(_: Trial) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=min(done, given.programs))
            if not talk.is_terminal and done % TALK_EVERY == 0:
                talk.print(f"{done:,} programs have ended on Temporal")

        judge = Judge(address, given.seed, given.second_ms, given.at_once, over)
        report = await judge.compare(given.programs)
        for finding in report.findings:
            _show(talk, finding)
        shrunk: list[Finding] = []
        for finding in sorted(report.findings, key=lambda each: each.trial.size)[:SHRUNK]:
            shrunk.append(await judge.shrink(finding))
            talk.print("as small as it gets:")
            _show(talk, shrunk[-1])
    return report, shrunk


def _bar(talk: Console) -> Progress:
    return Progress(
        TextColumn("programs"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=talk,
        disable=not talk.is_terminal,
    )


def _show(talk: Console, finding: Finding) -> None:
    talk.print(f"program {finding.trial.number}: {finding.trial}", markup=False, soft_wrap=True)
    for each in finding.differences:
        talk.print(f"  {each}", markup=False, soft_wrap=True)


def _as_json(report: Report, shrunk: list[Finding], *, seed: int, took_s: float) -> dict[str, object]:
    return {
        "programs": report.programs,
        "different": len(report.findings),
        "unsteady": report.unsteady,
        "again": report.again,
        "late_ms": report.late_ms,
        "seed": seed,
        "seconds": round(took_s, 1),
        "findings": [_finding(each) for each in report.findings],
        "smallest": [_finding(each) for each in shrunk],
    }


def _finding(finding: Finding) -> dict[str, object]:
    trial = finding.trial
    return {
        "program": trial.generations,
        "cancel_after": trial.cancel_after,
        "faults": trial.faults,
        "differences": finding.differences,
    }


if __name__ == "__main__":
    code = main()
    # Threads of Temporal's library may hand objects back when the interpreter is half gone, which would abort it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
