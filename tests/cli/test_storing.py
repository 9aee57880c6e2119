"""`weft store`: a backup that is whole, a check that finds what is wrong, space that comes back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.commands import DESK, Engine, Start, Weft, letters, run_desk

PARTED = DESK.read_text("utf-8").replace("        await post.stamp(letter.id, letter.stamps)\n", "")


@pytest.fixture
def waiting(start: Start) -> Engine:
    """Start an engine with two runs that wait for a decision."""
    return start(
        str(DESK), "approve", "--input", letters("letters.jsonl", {"id": "a"}, {"id": "b"}), ready="all started"
    )


def change(path: Path, *statements: str) -> None:
    """Change a store behind everybody's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0


def test_a_backup_beside_a_running_engine_is_a_store(weft: Weft, waiting: Engine, folder: Path) -> None:
    """The copy has every run, and the engine goes on; it is checked and listed like any store."""
    answer = weft("store", "backup", "copy.db", "--json")

    assert (answer.code, answer.lines[0]["bytes"]) == (0, (folder / "copy.db").stat().st_size)
    copy = ("--engine", "sqlite:///copy.db")
    assert weft("runs", "list", "--json", *copy).out.count('"waiting"') == 2
    assert weft("store", "check", str(DESK), *copy).code == 0
    assert not list(folder.glob("*.partial"))
    waiting.stop()


def test_a_backup_takes_nobodys_place(weft: Weft, folder: Path) -> None:
    """What is there stays: a file, the store itself, another backup under way; a folder that is not there is said."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))
    (folder / "there.db").write_text("mine", encoding="utf-8")
    (folder / "half.db.partial").touch()

    answers = [weft("store", "backup", name) for name in ("there.db", "desk.db", "half.db", "no/where.db", "")]

    assert [answer.code for answer in answers] == [3, 3, 3, 3, 3]
    assert all("WEFT-E342" in answer.err for answer in answers)
    assert (folder / "there.db").read_text("utf-8") == "mine"


def test_a_whole_store_has_no_findings(weft: Weft, waiting: Engine) -> None:
    """Beside a running engine every open run is replayed, and nothing is found."""
    answer = weft("store", "check", str(DESK), "--json")
    plain = weft("store", "check")

    assert (answer.code, plain.code) == (0, 0)
    assert answer.lines == [{"store": answer.lines[0]["store"], "open_runs": 2, "replayed": True, "findings": 0}]
    assert "open runs looked at: 2, findings: 0" in plain.err
    waiting.stop()


def test_code_that_parts_from_open_runs_is_found(weft: Weft, waiting: Engine, folder: Path) -> None:
    """A check against new code tells which open runs it parts from, with both lines, before it is deployed."""
    (folder / "parted.py").write_text(PARTED, encoding="utf-8")

    answer = weft("store", "check", "parted.py", "--json")

    assert answer.code == 1
    *found, total = answer.lines
    assert sorted(each["run"] for each in found) == ["approve/a", "approve/b"]
    assert {(each["check"], each["code"]) for each in found} == {("replay", "WEFT-E204")}
    assert all("recorded cli/desk.py:" in each["what"] for each in found)
    assert all("; now waiting at " in each["what"] and "parted.py:" in each["what"] for each in found)
    assert total["findings"] == 2
    waiting.stop()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM journal WHERE run = 1 AND seq = 0", "a run has no start"),
        ("UPDATE journal SET seq = 9 WHERE run = 1 AND seq = 1", "entries are missing"),
        ("UPDATE journal SET run = 77 WHERE run = 1", "a journal has no run"),
        ("UPDATE runs SET wake_ms = 5, status = 4 WHERE key = 1", "an ended run would be woken"),
        ("INSERT INTO states VALUES (77, 'x', x'30')", "a state has no run"),
        ("UPDATE journal SET entry = x'c1' WHERE run = 1 AND seq = 1", "WEFT-E208"),
    ],
)
def test_what_does_not_hold_is_found(weft: Weft, waiting: Engine, folder: Path, damage: str, found: str) -> None:
    """What must hold between the tables, and of each journal, is looked at; each breach is a finding."""
    waiting.stop()
    change(folder / "desk.db", damage)

    answer = weft("store", "check")

    assert answer.code == 1
    assert found in answer.out


def test_a_damaged_file_is_found(weft: Weft, waiting: Engine, folder: Path) -> None:
    """Pages that were overwritten are told by SQLite's own check, or the file cannot be read at all."""
    waiting.stop()
    size = (folder / "desk.db").stat().st_size
    with (folder / "desk.db").open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 4096)

    assert weft("store", "check").code in {1, 3}


def test_space_comes_back(weft: Weft, folder: Path) -> None:
    """A compacted store is smaller by what was deleted, and nothing else is missing."""
    run_desk("send", "--input", letters("letters.jsonl", *({"id": f"l-{number}"} for number in range(400))))
    change(folder / "desk.db", "DELETE FROM journal WHERE run > 10", "DELETE FROM runs WHERE key > 10")

    answer = weft("store", "compact", "--json")

    assert answer.code == 0
    assert answer.lines[0]["bytes"] < answer.lines[0]["bytes_before"] / 2
    assert weft("runs", "list", "--json").out.count("\n") == 10
    assert weft("store", "check").code == 0


def test_an_owned_store_is_not_compacted(weft: Weft, waiting: Engine) -> None:
    """Beside a running engine it is refused with the engine's name."""
    answer = weft("store", "compact")

    assert answer.code == 3
    assert f"owned by process {waiting.process_id}" in answer.err
    assert weft("runs", "list").code == 0
    waiting.stop()


@pytest.mark.parametrize("command", [("backup", "copy.db"), ("check",), ("compact",)])
def test_a_store_that_is_not_there_is_told(weft: Weft, command: tuple[str, ...], folder: Path) -> None:
    """Nothing is made where there is no store."""
    answer = weft("store", *command)

    assert (answer.code, "there is no store" in answer.err) == (3, True)
    assert not list(folder.glob("*.db*"))
