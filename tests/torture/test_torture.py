"""The torture kills, ends with the object that others read, and its audit finds what is wrong with books."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from torture.audit import SERVICES, Findings, audit

ROOT = Path(__file__).parents[2]
FAILED, COMPLETED, WAITING = 5, 4, 1
SHIPPED = ("reserve", "charge", "ship", "tell", "note o-1 shipped")


def run_torture(*arguments: str) -> dict[str, Any]:
    """Run it and return the object on the last line of stdout."""
    command = [sys.executable, "-m", "torture", "--json", "--orders", "7", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def audit_of(folder: Path, *moves: str, status: int, basket: tuple[str, ...] = ("nudge o-1",)) -> Findings:
    """Write the books of a market with one purchase and audit them; a move is a verb, and a key where it is not o-1."""
    for name in SERVICES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection, connection:
            connection.execute("CREATE TABLE moves (id INTEGER PRIMARY KEY, at_ns, what, key)")
            for at_ns, move in enumerate(moves if name == "stock" else ()):
                what, _, key = move.partition(" ")
                connection.execute("INSERT INTO moves (at_ns, what, key) VALUES (?, ?, ?)", (at_ns, what, key or "o-1"))
    runs = [(1, "basket", COMPLETED, json.dumps({"items": basket})), (2, "o-1", status, b"null")]
    with closing(sqlite3.connect(folder / "engine.db")) as connection, connection:
        connection.execute("CREATE TABLE workflows (id, name)")
        connection.execute("CREATE TABLE runs (workflow, run_id, status, result)")
        connection.executemany("INSERT INTO workflows VALUES (?, ?)", [(1, "basket"), (2, "purchase")])
        connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", runs)
    (folder / "acknowledged").write_text("nudge o-1\n")
    return audit(folder, {("basket", "basket"), ("purchase", "o-1")}, in_order={"o-1"})


def test_some_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """A few rounds end with what was killed, nothing lost, nothing doubled, and no store left."""
    found = run_torture("--kills", "6", "--folder", str(tmp_path))

    assert found["kills"] >= 6
    assert (found["lost"], found["doubled"], found["wrong"], found["findings"]) == (0, 0, 0, [])
    assert not list(tmp_path.iterdir())


def test_one_round_again(tmp_path: Path) -> None:
    """A round is done again by its seed and number."""
    found = run_torture("--seed", "5", "--round", "3", "--folder", str(tmp_path))

    assert (found["rounds"], found["seed"], found["lost"], found["doubled"]) == (1, 5, 0, 0)


def test_whole_books(tmp_path: Path) -> None:
    """A purchase that did everything once is sound."""
    assert audit_of(tmp_path, *SHIPPED, status=COMPLETED) == Findings()


def test_a_charge_that_was_made_twice(tmp_path: Path) -> None:
    """What is there twice was doubled."""
    assert audit_of(tmp_path, *SHIPPED, "charge", status=COMPLETED).doubled == ["charge o-1: 2 times"]


@pytest.mark.parametrize("missing", SHIPPED)
def test_a_step_that_was_lost(tmp_path: Path, missing: str) -> None:
    """A purchase that completed has done each of its steps."""
    found = audit_of(tmp_path, *(each for each in SHIPPED if each != missing), status=COMPLETED)

    assert len(found.lost) == 1


def test_a_message_that_was_lost(tmp_path: Path) -> None:
    """What somebody was told to be in the basket is in it."""
    assert "not in the basket: nudge o-1" in audit_of(tmp_path, *SHIPPED, status=COMPLETED, basket=()).lost


def test_a_run_that_has_not_ended(tmp_path: Path) -> None:
    """A run that is open after the last life is lost."""
    assert audit_of(tmp_path, status=WAITING).lost == ["purchase/o-1 has not ended: 1"]


def test_an_undo_that_is_missing(tmp_path: Path) -> None:
    """A purchase that failed has taken back what it did."""
    found = audit_of(tmp_path, "reserve", "charge", "release", status=FAILED)

    assert found.wrong == ["purchase/o-1 ended with status 5: charge 1 times, refund 0 times"]


def test_undos_in_the_wrong_order(tmp_path: Path) -> None:
    """What was done last is taken back first."""
    assert len(audit_of(tmp_path, "reserve", "charge", "release", "refund", status=FAILED).wrong) == 1
