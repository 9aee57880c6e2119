"""Runs that wait for their turn, as the command line starts and shows them."""

from __future__ import annotations

import json

import pytest

from tests.cli.commands import DESK, Start, Weft, letters, run_desk

TOMORROW = "2999-01-01T00:00+01:00"


def test_run_that_begins_later_is_shown_and_cancelled(weft: Weft, start: Start) -> None:
    """A run that begins later says until when it waits, from another process, and is cancelled before it begins."""
    source = letters("letters.jsonl", {"id": "a"})
    engine = start(str(DESK), "send", "--input", source, "--at", TOMORROW, ready="all started")

    listed = weft("runs", "list", "--json").lines
    shown = weft("runs", "show", "send", "a")
    weft("runs", "cancel", "send", "a", "--reason", "no stamps")
    answer = engine.answer()

    assert [(run["status"], run["reason"]) for run in listed] == [
        ("waiting", "waiting until 2998-12-31T23:00:00.000+00:00")
    ]
    assert "It is waiting until 2998-12-31T23:00:00.000+00:00, when it begins (priority 0)." in shown.out
    assert (answer.code, answer.lines[0]["status"]) == (1, "cancelled")
    assert "stamping" not in answer.err


def test_run_that_waits_for_a_place_says_so(weft: Weft, start: Start) -> None:
    """Who looks at a run that waits is told for what; keys come from the inputs, and take turns."""
    source = letters("letters.jsonl", {"id": "a1", "stamps": 1}, {"id": "a2", "stamps": 1}, {"id": "b1", "stamps": 2})
    options = ["--key-field", "stamps", "--priority", "7"]
    engine = start(str(DESK), "sign", "--input", source, *options, ready="all started")

    shown = weft("runs", "show", "sign", "b1")
    for name in ("a1", "b1", "a2"):
        weft("runs", "signal", "sign", name, "Approval", json.dumps({"approved": True, "by": name}))
    answer = engine.answer()

    assert "It is waiting for a place: 1 of sign may be at work at once (key 2, priority 7)." in shown.out
    assert [line["result"] for line in answer.lines] == ["a1 by a1", "a2 by a2", "b1 by b1"]


def test_duration_counts_from_the_command() -> None:
    """A run that begins after no time at all begins, and the command waits for its end."""
    answer = run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}), "--after", "0s", "--key", "ada")

    assert (answer.code, [line["result"] for line in answer.lines]) == (0, [85])


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--after", "soon"], "no duration"),
        (["--at", "2026-12-24T18:00"], "no time with a time zone"),
        (["--at", TOMORROW, "--after", "1h"], "say one of them"),
        (["--key", "a", "--key-field", "id"], "say one of them"),
        (["--priority", "1001"], "1001"),
        (["--key-field", "to"], "no text or whole number in its field 'to'"),
    ],
)
def test_wrong_turns_are_told_before_anything_starts(weft: Weft, options: list[str], what: str) -> None:
    """An option that cannot be is wrong use, and nothing is started."""
    answer = weft("run", str(DESK), "send", "--input", letters("letters.jsonl", {"id": "a"}), *options)

    assert answer.code == 2
    assert what in answer.err


def test_turn_needs_a_workflow(weft: Weft) -> None:
    """Who serves starts nothing, so there is nothing that could wait."""
    answer = weft("run", str(DESK), "--priority", "1")

    assert (answer.code, "need a WORKFLOW" in answer.err) == (2, True)
