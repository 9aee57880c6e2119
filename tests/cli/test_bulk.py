"""Bulk actions by query: counted first, done only when meant, each in its run's own journal with who and why."""

from __future__ import annotations

import json

import pytest

from tests.cli.commands import DESK, Engine, Start, Weft, letters, run_desk

RUNS = 5


@pytest.fixture
def waiting(start: Start) -> Engine:
    """Start an engine with runs that wait for a decision."""
    source = letters("letters.jsonl", *({"id": f"l-{number}"} for number in range(RUNS)))
    return start(str(DESK), "approve", "--input", source, ready="all started")


def counted(weft: Weft, where: str) -> int:
    """Return how many runs a query means."""
    return int(weft("runs", "count", "--where", where).out)


def test_bulk_is_counted_and_not_done_without_a_word(weft: Weft, waiting: Engine) -> None:
    """Without --yes, and without anybody to ask, it is only said how many runs are meant."""
    answer = weft("runs", "cancel", "--where", "id in ('l-1', 'l-2')", "--reason", "a test")

    assert (answer.code, answer.out) == (0, "")
    assert "cancel: 2 runs" in answer.err
    assert "nothing was done; with --yes it is" in answer.err
    assert counted(weft, "status = 'waiting'") == RUNS
    waiting.stop()


def test_bulk_cancel_is_in_each_journal(weft: Weft, waiting: Engine) -> None:
    """Every run that is meant is cancelled, one line of JSON each, and its story says who asked and why."""
    where = "workflow = 'approve' and id != 'l-0'"
    answer = weft("runs", "cancel", "--where", where, "--reason", "no money", "--who", "ada", "--yes", "--json")
    weft("runs", "signal", "approve/l-0", "Approval", json.dumps({"approved": True, "by": "bob"}))

    ended = waiting.answer()

    assert answer.code == 0
    assert [line["taken"] for line in answer.lines] == [True] * (RUNS - 1)
    assert sorted(line["status"] for line in ended.lines) == ["cancelled"] * (RUNS - 1) + ["completed"]
    for number in range(1, RUNS):
        assert "no money (by ada)" in weft("runs", "show", f"approve/l-{number}").out


def test_bulk_signal_reaches_all(weft: Weft, waiting: Engine) -> None:
    """A signal goes to every open run that is meant."""
    approval = json.dumps({"approved": True, "by": "ada"})
    answer = weft("runs", "signal", "--where", "created > -1h", "Approval", approval, "--yes")

    assert f"signal: {RUNS} taken" in answer.err
    assert [line["result"] for line in waiting.answer().lines] == ["True by ada"] * RUNS


def test_bulk_terminate_and_delete(weft: Weft, waiting: Engine) -> None:
    """Runs that were terminated are deleted, beside the engine that ran them; open ones stay."""
    weft("runs", "terminate", "--where", "id != 'l-0'", "--reason", "a test", "--yes")
    answer = weft("runs", "delete", "--where", "workflow = 'approve'", "--reason", "a test", "--yes", "--json")

    assert [line["request"] for line in answer.lines] == ["delete"] * (RUNS - 1)
    assert [line["id"] for line in weft("runs", "list", "--json").lines] == ["l-0"]
    assert "WEFT-E334" in weft("runs", "delete", "approve/l-0").err
    waiting.stop()


def test_bulk_skip_passes_over_what_needs_none(weft: Weft, start: Start) -> None:
    """A skip is asked of those that need attention only."""
    stuck = start(str(DESK), "drop", "--input", letters("letters.jsonl", {"id": "jam-1"}), ready="needs attention")

    answer = weft("runs", "skip", "--where", "id is not null", "--reason", "by hand", "--reply", '"by hand"', "--yes")

    assert "skip: 1 taken" in answer.err
    assert stuck.answer().lines[0]["result"] == "by hand"


def test_deleted_id_is_used_again(weft: Weft) -> None:
    """What was asked while no engine runs is done by the next one, and the id takes another input then."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a", "stamps": 1}))
    kept = weft("runs", "delete", "send/a", "--reason", "a test")
    again = run_desk("send", "--input", letters("other.jsonl", {"id": "b"}))

    renewed = run_desk("send", "--input", letters("letters.jsonl", {"id": "a", "stamps": 2}))

    assert "delete: 1 kept" in kept.err
    assert again.code == 0
    assert [line["result"] for line in renewed.lines] == [170]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cancel", "--where", " ", "--yes"], "Say with --where"),
        (["cancel", "--where", "status = failed", "--yes"], "WEFT-E331"),
        (["delete", "--where", "id = 'a'", "--yes", "--after", "x"], "WEFT-E332"),
        (["terminate", "--where", "id = 'a'", "--yes"], "--reason"),
        (["signal", "--where", "id = 'a'", "--yes"], "Say which signal"),
        (["delete"], "Name the run"),
    ],
)
def test_wrong_bulk_is_told(weft: Weft, arguments: list[str], said: str) -> None:
    """What does not say which runs, or what to do with them, ends with exit code 2."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    answer = weft("runs", *arguments)

    assert answer.code == 2
    assert said in answer.err
