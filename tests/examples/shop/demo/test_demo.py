"""The demo as a process: it may be killed, carries on, ends the same, and says what is wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.examples.shop.demo.conftest import ROOT, Demo, Ran


def contents(store: Path) -> dict[str, bytes]:
    """Return every file of a store."""
    return {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()}


def test_demo_ends_with_balanced_books(finished: tuple[Path, Ran]) -> None:
    """The last line holds what a program wants to know."""
    _, ran = finished

    assert ran.code == 0, ran.talk
    assert ran.found["books"] == "balanced"
    assert ran.found["orders"] == sum(ran.found["outcomes"].values()) > 90
    assert ran.found["net"] > 0
    assert ran.found["orders_per_s"] > 0
    assert ran.found["undos"] > 0


def test_killed_demo_carries_on_and_ends_the_same(demo: Demo, finished: tuple[Path, Ran], tmp_path: Path) -> None:
    """Two demos of one seed end alike, whatever was killed in between."""
    killed = [demo(tmp_path, "--faults", "0.1", "--crash-at", str(commits)) for commits in (20, 60)]

    ran = demo(tmp_path)

    assert [each.code for each in killed] == [-signal.SIGKILL] * 2
    assert ran.code == 0, ran.talk
    for key in ("outcomes", "net", "fingerprint", "returns"):
        assert ran.found[key] == finished[1].found[key]


def test_finished_demo_changes_nothing(demo: Demo, finished: tuple[Path, Ran]) -> None:
    """A demo that has ended says so, tells its report again, and touches no file."""
    store, first = finished
    before = contents(store)

    again = demo(store)

    assert (again.code, again.found["already_finished"]) == (0, True)
    assert "Nothing to do" in again.talk
    assert again.found["fingerprint"] == first.found["fingerprint"]
    assert contents(store) == before


def test_more_orders_may_be_asked_for(demo: Demo, finished: tuple[Path, Ran], tmp_path: Path) -> None:
    """A demo of a few orders goes on to more, and ends as if it had been told so at once."""
    few = demo(tmp_path, "--faults", "0.1", "--orders", "40")
    assert (few.code, few.found["orders"]) == (0, 40)

    ran = demo(tmp_path, "--orders", "all")

    assert ran.found["fingerprint"] == finished[1].found["fingerprint"]


def test_faults_change_no_outcome_but_by_refusals(demo: Demo, tmp_path: Path) -> None:
    """Without faults every order ends as the rules say, and no call is sent twice."""
    ran = demo(tmp_path, "--faults", "0")

    assert (ran.code, ran.found["books"], ran.found["retries"]) == (0, "balanced", 0)


def test_other_seed_in_the_same_store_is_refused(demo: Demo, finished: tuple[Path, Ran]) -> None:
    """A store holds one demo; the message says how to go on."""
    ran = demo(finished[0], "--seed", "99")

    assert ran.code == 2
    assert "--fresh" in ran.talk


def test_fresh_forgets_a_demo_and_nothing_else(demo: Demo, tmp_path: Path) -> None:
    """`--fresh` begins anew, and never in a folder that holds something else."""
    demo(tmp_path / "store", "--orders", "5", "--seed", "1")
    again = demo(tmp_path / "store", "--orders", "5", "--seed", "2", "--fresh")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.db").write_text("three years of work")

    refused = demo(other, "--orders", "5", "--fresh")

    assert (again.code, again.found["seed"]) == (0, 2)
    assert refused.code == 2
    assert (other / "thesis.db").exists()


def test_input_that_does_not_parse_is_named(demo: Demo, small_file: Path, tmp_path: Path) -> None:
    """A bad line is refused with its number before anything is sold."""
    source = tmp_path / "bad.csv"
    source.write_text(small_file.read_text().replace(",2.55,", ",cheap,", 1))

    ran = demo(tmp_path / "store", source=source)

    assert ran.code == 2
    assert f"WEFT-E602: the price 'cheap' is no number\n  at {source}:2" in ran.talk
    assert not (tmp_path / "store").exists()


def test_store_that_cannot_be_made_is_named(demo: Demo, tmp_path: Path) -> None:
    """A store where no folder can be made is told as what it is, with what to do."""
    (tmp_path / "file").write_text("no folder")

    ran = demo(tmp_path / "file" / "store")

    assert ran.code == 3
    assert f"The store {tmp_path}/file/store cannot be used" in ran.talk
    assert "Traceback" not in ran.talk


def test_signal_stops_in_order(small_file: Path, demo: Demo, finished: tuple[Path, Ran], tmp_path: Path) -> None:
    """SIGTERM lets the demo drain; the same command carries on."""
    command = [sys.executable, "-m", "examples.shop.demo", "--store", str(tmp_path), "--input", str(small_file)]
    process = subprocess.Popen([*command, "--faults", "0.1"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "shipping.db").exists():
        assert process.poll() is None

    process.send_signal(signal.SIGTERM)
    _, talk = process.communicate()

    assert process.returncode == 128 + signal.SIGTERM
    assert "the same command carries on" in talk
    assert demo(tmp_path).found["fingerprint"] == finished[1].found["fingerprint"]
