"""`weft runs show`: a run as people read it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.commands import DESK, Start, Weft, letters, run_desk

TOOK = re.compile(r"\d+(?:\.\d)? (?:ms|s)\b")
SINCE = re.compile(r" *\+\d+\.\d{3} s")
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
LINE = re.compile(r"[^\s\[]*desk\.py:\d+")


def normalised(text: str) -> list[str]:
    """Return lines with every time and line number made alike."""
    for pattern, stand_in in ((SINCE, "+T"), (TOOK, "T"), (DATE, "D"), (LINE, "desk.py:N")):
        text = pattern.sub(stand_in, text)
    return text.splitlines()


def test_story_of_a_run_that_was_undone(weft: Weft) -> None:
    """A story names each step with its outcome, its undo and the line of code that asked for it."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "heavy", "stamps": 9}))

    answer = weft("runs", "show", "send", "heavy")

    arguments = '{"letter_id":"heavy","stamps":9}'
    assert normalised(answer.out) == [
        "send/heavy: failed after T, begun D",
        "It has ended: failed.",
        "",
        '+T  start  {"id":"heavy","stamps":9}',
        f"+T  call   Post.stamp {arguments} → replied 765 (T)  [Post.stamp.1, desk.py:N]",
        f'+T  call   Post.weigh {arguments} → declined: NoStamps {{"asked":9}} (T)  [Post.weigh.1, desk.py:N]',
        f"+T  undo   Post.unstamp {arguments} → replied (T)  [Post.stamp.1~undo]",
        "+T  end    NoStamps: asked=9 → failed  [desk.py:N]",
    ]


def test_story_says_what_an_open_run_waits_for(weft: Weft, start: Start) -> None:
    """An open run tells in one sentence what it waits for."""
    source = letters("letters.jsonl", {"id": "a"})
    start(str(DESK), "approve", "--input", source, ready="all started")

    answer = weft("runs", "show", "approve/a")

    assert answer.code == 0
    assert normalised(answer.out)[0] == "approve/a: waiting, open for T since D"
    assert answer.out.splitlines()[1].startswith("It waits for a message")


def test_story_for_programs(weft: Weft) -> None:
    """With --json a story is one object with the result as a value."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    story = weft("runs", "show", "send/a", "--json").lines[0]

    assert (story["status"], story["result"]) == ("completed", 85)
    assert [row["kind"] for row in story["timeline"]] == ["start", "call", "call", "end"]
    assert story["timeline"][1]["attempts"] == 1


def test_stuck_run_says_why(weft: Weft, start: Start) -> None:
    """A run that needs attention says which call and why."""
    source = letters("letters.jsonl", {"id": "jam-1"})
    start(str(DESK), "drop", "--input", source, ready="needs attention")

    answer = weft("runs", "show", "drop/jam-1")

    assert "needs attention" in answer.out
    assert "the box is jammed" in answer.out


def test_story_that_cannot_be_read_says_of_which_run(weft: Weft, folder: Path) -> None:
    """Where the journal is damaged, the run is named and where it stands, and then what is wrong."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))
    with closing(sqlite3.connect(folder / "desk.db")) as store:
        store.execute("UPDATE journal SET entry = x'00' WHERE seq = 1")
        store.commit()

    answer = weft("runs", "show", "send/a")

    assert answer.code == 1
    assert answer.err.startswith("send/a: completed after ")
    assert "WEFT-E208" in answer.err
