"""Read the books of a market that has ended, with nothing but SQLite, and say what is wrong with them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

COMPLETED, FAILED, CANCELLED, TERMINATED = 4, 5, 6, 7
SERVICES = ("stock", "bank", "post", "diary")
UNDONE_BY = {"reserve": "release", "charge": "refund"}
BRANCHES = 4


@dataclass(slots=True)
class Findings:
    """What is wrong, one sentence each.

    Attributes:
        lost: what was said to have happened and did not, and what does not end.
        doubled: what happened twice.
        wrong: everything else.
    """

    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Books:
    """What the files say.

    Attributes:
        runs: status and result by workflow and id.
        moves: the times of each effect by what it was and its key.
        basket: what is in it, in order.
        acknowledged: what somebody was told to be in it.
    """

    runs: dict[tuple[str, str], tuple[int, bytes | None]]
    moves: dict[tuple[str, str], list[int]]
    basket: Counter[str]
    acknowledged: set[str]

    def count(self, what: str, key: str) -> int:
        """Return how often something happened."""
        return len(self.moves.get((what, key), ()))


def read_books(folder: Path) -> Books:
    """Read the files of a market that nobody works in."""
    moves: dict[tuple[str, str], list[int]] = defaultdict(list)
    for service in SERVICES:
        for at_ns, what, key in _rows(folder / f"{service}.db", "SELECT at_ns, what, key FROM moves"):
            moves[what, key].append(at_ns)
    ask = "SELECT name, run_id, status, result FROM runs JOIN workflows ON workflows.id = runs.workflow"
    runs = {(name, run_id): (status, result) for name, run_id, status, result in _rows(folder / "engine.db", ask)}
    status, result = runs.get(("basket", "basket"), (0, None))
    items = json.loads(result)["items"] if status == COMPLETED and result else []
    told = folder / "acknowledged"
    acknowledged = set(told.read_text().splitlines()) if told.exists() else set[str]()
    return Books(runs, dict(moves), Counter(items), acknowledged)


def _rows(path: Path, sql: str) -> list[tuple[int | str | bytes | None, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if whole != "ok":
            raise sqlite3.DatabaseError(f"{path.name}: {whole}")
        return connection.execute(sql).fetchall()


def audit(folder: Path, expected: set[tuple[str, str]], *, in_order: set[str]) -> Findings:
    """Say what is wrong with the books of a market whose runs have all been waited for.

    Args:
        folder: of its files.
        expected: the runs that were started, by workflow and id.
        in_order: ids of the runs that did one thing after the other.
    """
    books = read_books(folder)
    findings = Findings()
    findings.doubled += (f"{what} {key}: {len(at)} times" for (what, key), at in books.moves.items() if len(at) > 1)
    findings.doubled += (f"in the basket {n} times: {key}" for key, n in books.basket.items() if n > 1)
    findings.lost += (f"not in the basket: {key}" for key in sorted(books.acknowledged - set(books.basket)))
    findings.lost += (f"there is no run {each}" for each in sorted(expected - set(books.runs)))
    findings.wrong += (f"refused, and in the basket: {key}" for key in books.basket if key.endswith("!"))
    for (workflow, run_id), (status, result) in books.runs.items():
        if status < COMPLETED:
            findings.lost.append(f"{workflow}/{run_id} has not ended: {status}")
        elif status != TERMINATED:
            findings.lost += _lost(books, workflow, run_id, status=status)
            findings.wrong += _wrong(books, workflow, run_id, status=status)
        if workflow == "purchase" and run_id in in_order:
            findings.wrong += _disorder(books, run_id)
        if status == COMPLETED and result is None:
            findings.lost.append(f"{workflow}/{run_id} has no result")
    return findings


def _lost(books: Books, workflow: str, run_id: str, *, status: int) -> Iterator[str]:
    """Find what a run that completed should have done and has not."""
    if status != COMPLETED:
        return
    what: list[tuple[str, str]] = []
    match workflow:
        case "purchase":
            what = [(each, run_id) for each in ("reserve", "charge", "tell", "ship")] + [("note", f"{run_id} shipped")]
            if not books.basket[f"nudge {run_id}"]:
                yield f"nobody told the basket of {run_id}"
        case "packing":
            what = [("reserve", run_id), ("note", run_id)]
        case "nap":
            what = [("reserve", run_id), ("note", run_id)]
        case "approval":
            what = [("note", f"{run_id} reminder 0")]
        case "family":
            what = [("note", f"{run_id} family")]
        case "visit":
            what = [("note", f"{run_id} errand")]
            if not books.basket[f"visit {run_id}"]:
                yield f"what {run_id} put into the basket is not there"
        case "branching":
            lines = [key for how, key in books.moves if how == "note" and key.startswith(f"{run_id} ")]
            if len(lines) != BRANCHES:
                yield f"{run_id} has {len(lines)} of {BRANCHES} lines"
        case _:
            pass
    yield from (f"{workflow}/{run_id} completed without {each}" for each in what if not books.count(*each))


def _wrong(books: Books, workflow: str, run_id: str, *, status: int) -> Iterator[str]:
    """Find what should have been taken back, or should not."""
    gone_forward = bool(books.count("ship", run_id)) or status == COMPLETED
    for what, undo in UNDONE_BY.items():
        done, undone = books.count(what, run_id), books.count(undo, run_id)
        if gone_forward and undone:
            yield f"{workflow}/{run_id} went forward, and there is a {undo}"
        if not gone_forward and done != undone:
            yield f"{workflow}/{run_id} ended with status {status}: {what} {done} times, {undo} {undone} times"


def _disorder(books: Books, run_id: str) -> Iterator[str]:
    """Find undos that came in the order of what they undo; for runs that did one thing after the other."""
    first, then = books.moves.get(("reserve", run_id)), books.moves.get(("charge", run_id))
    released, refunded = books.moves.get(("release", run_id)), books.moves.get(("refund", run_id))
    if not (first and then and released and refunded):
        return
    if first[0] > then[0] or refunded[0] > released[0]:
        yield f"{run_id}: reserved {first}, charged {then}, refunded {refunded}, released {released}"
