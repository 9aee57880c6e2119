"""Kill the demo at random moments until it has ended all the same, and show that nothing was lost or charged twice.

A demo that nobody disturbs says how every order has to end. Then demos are killed, with SIGKILL for the whole process
group, started again, and killed again: a third of the times at a moment that the clock decides, a third right after a
commit of the engine and before anything of it has left, a third between a service's commit and its reply. Whoever
survives has to come to the same endings and the same money.

    .venv/bin/python scripts/kill_demo.py --kills 50 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from examples.shop.books.written import read_store  # noqa: E402 - found only once the root is on the path

LONGEST_DEMO_S = 600
SOONEST_KILL_S, LATEST_KILL_S = 0.5, 9.0
SOONEST_COMMIT, LATEST_COMMIT = 5, 400


@dataclass(slots=True)
class Count:
    """What was done, and what was found wrong."""

    kills: int = 0
    finished: int = 0
    wrong: list[str] = field(default_factory=list[str])


def main() -> int:
    """Kill until enough were killed; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often to kill (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="decides when to kill, and which faults there are")
    parser.add_argument("--orders", type=int, default=400, help="orders in each demo (default: 400)")
    parser.add_argument("--faults", type=float, default=0.1, help="fraction of attempts (default: 0.1)")
    parser.add_argument("--json", action="store_true", help="end with one object on the last line")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - a moment to kill, not a secret
    demo = ["--orders", str(options.orders), "--faults", str(options.faults), "--seed", str(options.seed)]
    count = Count()
    with tempfile.TemporaryDirectory(prefix="weft-kill-") as folder:
        undisturbed = survive(Path(folder) / "undisturbed", demo)
        say(f"undisturbed: {summary(undisturbed)}")
        while count.kills < options.kills:
            store = Path(folder) / f"store-{count.finished}"
            found = torment(store, demo, chance, count=count, kills=options.kills)
            count.finished += 1
            judge(found, undisturbed, count)
            say(f"{count.kills} kills so far; this one came to: {summary(found)}")
            shutil.rmtree(store)
    return conclude(count, as_json=options.json)


def torment(store: Path, demo: list[str], chance: random.Random, *, count: Count, kills: int) -> dict[str, Any]:
    """Run one demo to its end, killing it on its way for as long as kills are left."""
    while count.kills < kills:
        way = chance.choice(("", "--crash-at", "--crash-at-reply"))
        crash = [way, str(chance.randint(SOONEST_COMMIT, LATEST_COMMIT))] if way else []
        wait_s = LONGEST_DEMO_S if way else chance.uniform(SOONEST_KILL_S, LATEST_KILL_S)
        killed, found = start(store, [*demo, *crash], wait_s)
        if not killed:
            return found
        count.kills += 1
        look_at_ledger(store, count)
    return survive(store, demo)


def start(store: Path, demo: list[str], wait_s: float) -> tuple[bool, dict[str, Any]]:
    """Start the demo and kill its process group after a time; tell whether it was killed, and what it said if not."""
    command = [sys.executable, "-m", "examples.shop.demo", "--store", str(store), "--json", *demo]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, text=True
    )
    try:
        output, _ = process.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True, {}
    if process.returncode == -signal.SIGKILL:
        return True, {}
    lines = output.splitlines()
    if not lines:
        raise SystemExit(f"the demo ended with {process.returncode} and said nothing: {' '.join(command)}")
    return False, cast("dict[str, Any]", json.loads(lines[-1]))


def survive(store: Path, demo: list[str]) -> dict[str, Any]:
    """Run the demo to its end."""
    killed, found = start(store, demo, LONGEST_DEMO_S)
    if killed:
        raise SystemExit(f"the demo did not end within {LONGEST_DEMO_S} s")
    return found


def look_at_ledger(store: Path, count: Count) -> None:
    """Check what must hold at any moment, also between two lives."""
    try:
        written = read_store(store)
    except FileNotFoundError:
        return  # killed before all services had made their files
    count.wrong.extend(f"order {order} charged {n} times" for order, n in written.charges.items() if n > 1)
    count.wrong.extend(f"order {order} has an entry that does not sum to zero" for order in written.unbalanced)


def judge(found: dict[str, Any], undisturbed: dict[str, Any], count: Count) -> None:
    """Compare a demo that was killed with one that was not."""
    if found["books"] != "balanced":
        count.wrong.append(f"the books are broken: {found['problems']}")
    for key in ("orders", "outcomes", "net", "fingerprint"):
        if found[key] != undisturbed[key]:
            count.wrong.append(f"{key} is {found[key]}, undisturbed it is {undisturbed[key]}")


def summary(found: dict[str, Any]) -> str:
    """Return one line about a demo."""
    return f"{found['orders']} orders, net {found['net']:.2f}, books {found['books']}, {found['fingerprint'][:12]}"


def conclude(count: Count, *, as_json: bool) -> int:
    """Say what was found and return the exit code."""
    for each in count.wrong:
        say(each)
    say(f"{count.kills} kills, {count.finished} demos survived them, {len(count.wrong)} things wrong")
    if as_json:
        print(json.dumps({"kills": count.kills, "demos": count.finished, "wrong": count.wrong}))
    return 1 if count.wrong else 0


def say(text: str) -> None:
    """Talk on stderr: stdout is data."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
