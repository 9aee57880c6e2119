"""`weft runs`: what people ask of runs, from another process than the one that runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import DESK, Engine, Start, Weft, letters, run_desk


@pytest.fixture
def waiting(start: Start) -> Engine:
    """Start an engine with two runs that wait for a decision."""
    source = letters("letters.jsonl", {"id": "a"}, {"id": "b"})
    return start(str(DESK), "approve", "--input", source, ready="all started")


@pytest.fixture
def stuck(start: Start) -> Engine:
    """Start an engine with a run that only people can help."""
    source = letters("letters.jsonl", {"id": "jam-1"})
    return start(str(DESK), "drop", "--input", source, ready="needs attention")


def decision(by: str, *, approved: bool = True) -> str:
    """Return a decision as it is typed."""
    return json.dumps({"approved": approved, "by": by})


def test_signal_reaches_a_running_engine(weft: Weft, waiting: Engine) -> None:
    """A signal sent from another process is taken, and the run goes on with it."""
    first = weft("runs", "signal", "approve", "a", "Approval", decision("ada"))
    second = weft("runs", "signal", "approve/b", "Approval", decision("bob", approved=False), "--json")

    answer = waiting.answer()

    assert (first.code, first.out) == (0, "")
    assert f"approve/a: signal taken by process {waiting.process_id}" in first.err
    assert second.lines[0]["taken"] is True
    assert [line["result"] for line in answer.lines] == ["True by ada", "False by bob"]


def test_signal_is_checked_against_the_code(weft: Weft, waiting: Engine) -> None:
    """With --target a signal with wrong fields, or of an unknown kind, never reaches the run."""
    wrong = weft("runs", "signal", "approve", "a", "Approval", '{"approved": 7}', "--target", str(DESK))
    unknown = weft("runs", "signal", "approve", "a", "Aproval", "--target", str(DESK))

    assert (wrong.code, unknown.code) == (2, 2)
    assert "WEFT-E803" in wrong.err
    assert "did you mean 'Approval'?" in unknown.err
    assert weft("runs", "list", "--status", "waiting", "--json").out.count("\n") == 2
    waiting.stop()


def test_cancelled_run_is_undone(weft: Weft, waiting: Engine) -> None:
    """A cancelled run undoes what it did, and its story says who asked and why."""
    answer = weft("runs", "cancel", "approve/a", "--reason", "no money", "--who", "ada")
    weft("runs", "signal", "approve", "b", "Approval", decision("bob"))

    ended = waiting.answer()

    assert (answer.code, ended.code) == (0, 1)
    assert [line["status"] for line in ended.lines] == ["cancelled", "completed"]
    story = weft("runs", "show", "approve/a").out
    assert "no money (by ada)" in story
    assert "Post.unstamp" in story


def test_skipped_call_ends_with_the_reply_that_was_given(weft: Weft, stuck: Engine) -> None:
    """A call that needs attention is given up with a reply in its place, as somebody's decision."""
    answer = weft("runs", "skip", "drop", "jam-1", "--reason", "sent by hand", "--reply", '"by hand"')

    ended = stuck.answer()

    assert answer.code == 0
    assert ended.lines[0]["result"] == "by hand"
    assert "skipped: sent by hand (by " in weft("runs", "show", "drop/jam-1").out


def test_terminated_run_is_not_undone(weft: Weft, waiting: Engine) -> None:
    """A terminated run ends at once and nothing is undone."""
    weft("runs", "terminate", "approve", "a", "--reason", "a test")
    weft("runs", "terminate", "approve", "b", "--reason", "a test")

    ended = waiting.answer()

    assert [line["status"] for line in ended.lines] == ["terminated", "terminated"]
    assert "unstamp" not in weft("runs", "show", "approve/a").out


def test_retry_is_noted_with_who_asked(weft: Weft, waiting: Engine) -> None:
    """A retry is kept in the run's story even where there is nothing to hurry."""
    answer = weft("runs", "retry", "approve", "a", "--who", "ada")

    assert answer.code == 0
    assert "retry  (by ada)" in weft("runs", "show", "approve/a").out
    waiting.stop()


def test_request_without_an_engine_is_kept(weft: Weft, waiting: Engine) -> None:
    """What is asked while no engine runs is taken by the next one."""
    waiting.stop()
    answers = [weft("runs", "signal", "approve", each, "Approval", decision("ada")) for each in "ab"]

    ended = run_desk("approve", "--input", "letters.jsonl")

    assert [answer.code for answer in answers] == [0, 0]
    assert "no engine runs on this store" in answers[0].err
    assert [line["result"] for line in ended.lines] == ["True by ada", "True by ada"]


def test_no_wait_leaves_at_once(weft: Weft, waiting: Engine) -> None:
    """With --no-wait nobody says that the request was taken, only for whom it is kept."""
    answer = weft("runs", "cancel", "approve", "a", "--no-wait", "--json")

    assert answer.code == 0
    assert answer.lines[0]["taken"] is False
    assert answer.lines[0]["engine"]["process"] == waiting.process_id


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["signal", "send", "a", "Approval"], 1, "WEFT-E306: run send/a has ended: completed"),
        (["cancel", "send", "a"], 1, "WEFT-E306"),
        (["cancel", "sent", "a"], 1, "did you mean 'send/a'?"),
        (["signal", "send", "a"], 2, "Say which signal"),
        (["signal", "send", "a", "Approval", "{"], 2, "not JSON"),
        (["signal", "send", "a", "Approval", '{"by": NaN}'], 2, "NaN is no JSON"),
        (["signal", "send", "a", "Approval", "{}", "{}"], 2, "more than a run's name"),
        (["skip", "send", "a"], 2, "--reason"),
        (["skip", "send", "a", "--reason", " "], 2, "Say why"),
        (["skip", "send", "a", "--reason", "x", "--reply", "{"], 2, "not JSON"),
        (["terminate", "send/a"], 2, "--reason"),
        (["retry", "send"], 2, "Name the run"),
        (["retry", "/a"], 2, "Name the run"),
        (["retry", "send", "a", "--resend"], 2, "Say why"),
        (["show", "send", "b"], 1, "WEFT-E305: there is no run send/b"),
        (["show", "send", "a", "b"], 2, "more than a run's name"),
        (["list", "--status", "asleep"], 2, "needs-attention"),
        (["list", "--limit", "0"], 2, "--limit"),
        (["list", "--engine", "sqlite:///none.db"], 3, "WEFT-E601"),
        (["list", "--engine", "mysql://none"], 3, "WEFT-E601"),
        (["lst"], 2, "Did you mean 'list'?"),
    ],
)
def test_what_cannot_be_asked_is_told(weft: Weft, arguments: list[str], code: int, said: str) -> None:
    """Every wrong request ends with its exit code and a sentence, and without a traceback."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    answer = weft("runs", *arguments)

    assert answer.code == code
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_skip_is_for_calls_that_need_attention(weft: Weft, waiting: Engine) -> None:
    """A run that only waits has nothing to skip."""
    answer = weft("runs", "skip", "approve", "a", "--reason", "impatient")

    assert answer.code == 2
    assert "run approve/a is waiting: none of its calls needs attention" in answer.err
    waiting.stop()


def test_list_selects_and_limits(weft: Weft) -> None:
    """A list takes a workflow, statuses and a limit, the newest run first."""
    sent = letters("letters.jsonl", {"id": "a"}, {"id": "heavy", "stamps": 9}, {"id": "c"})
    run_desk("send", "--input", sent)

    failed = weft("runs", "list", "--status", "failed", "--json").lines
    limited = weft("runs", "list", "--workflow", "send", "--limit", "2")

    assert [line["id"] for line in failed] == ["heavy"]
    assert "NoStamps" in failed[0]["reason"]
    assert limited.out.splitlines()[0].split() == [
        "workflow", "id", "status", "generation", "created", "duration", "reason",
    ]  # fmt: skip
    assert len(limited.out.splitlines()) == 3
    assert "there are more" in limited.err
    assert weft("runs", "list", "--status", "open").err == "no runs\n"


def test_file_that_is_no_store_is_told(weft: Weft, folder: Path) -> None:
    """A file that is no store is an error of the environment, named."""
    (folder / "desk.db").write_text("a letter to a friend" * 100, encoding="utf-8")

    answer = weft("runs", "list", "--json")

    assert answer.code == 3
    assert answer.lines[0]["error"]["code"] == "WEFT-E313"


@pytest.mark.parametrize("verb", ["show", "cancel", "delete"])
def test_bytes_that_are_no_text_name_no_run(weft: Weft, verb: str) -> None:
    """A shell's argument that cannot be read as text is wrong use, for every command about one run."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    answer = weft("runs", verb, "send", "a\udcff")

    assert (answer.code, answer.out) == (2, "")
    assert "bytes that are no text" in answer.err
