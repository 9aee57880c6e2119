"""The commands about runs against a Temporal server: the same words, shapes and exit codes, without a store."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.commands import Answer, Start, Weft, letters
from tests.eventually import eventually

STAGE = str(Path(__file__).parents[1] / "conformance" / "stage.py")


@pytest.fixture(autouse=True)
def queue(folder: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let every command use the session's server, with a task queue of its own."""
    del folder
    name = uuid4().hex
    monkeypatch.setenv("WEFT_ENGINE", f"temporal://{temporal_address}/default?task_queue={name}")
    return name


@pytest.fixture
def run_id(start: Start) -> str:
    """Start a run that listens for one word, and a worker for it."""
    name = f"l-{uuid4().hex}"
    start(STAGE, "listener", "--input", letters("one.jsonl", 1), "--id", name, ready="all started")
    return name


def listed(weft: Weft, where: str, count: int) -> Answer:
    """Return a list once the server's lists have as many runs as there are."""
    return eventually(
        lambda: weft("runs", "list", "--where", where, "--json"),
        lambda answer: answer.code != 0 or len(answer.lines) == count,
    )


def test_a_run_is_listed_counted_told_and_asked(weft: Weft, run_id: str) -> None:
    """A run is found by a query, answers an update, hears a signal, and has ended then."""
    found = listed(weft, f"workflow = 'listener' and id = '{run_id}' and status = 'open'", 1)
    asked = weft("runs", "ask", "listener", run_id, "Question", "--body", '{"text": "how many"}', "--json")
    told = weft("runs", "signal", "listener", run_id, "Word", '{"text": "hello"}', "--json")
    ended = listed(weft, f"workflow = 'listener' and id = '{run_id}' and status = 'completed'", 1)

    assert [line["id"] for line in found.lines] == [run_id]
    assert asked.lines[0]["answer"] == "how many: 0"
    assert (told.code, told.lines[0]["taken"]) == (0, True)
    assert (ended.lines[0]["status"], ended.lines[0]["epoch"]) == ("completed", 0)
    assert weft("runs", "count", "--by", "status").out.split()[-2:] == ["completed", "1"]


def test_a_refusal_is_told_as_everywhere(weft: Weft, run_id: str) -> None:
    """An update that the run refuses ends the command with code 1 and the refusal's name."""
    refused = weft("runs", "ask", "listener", run_id, "Question", "--body", '{"text": "elephant"}', "--json")

    assert (refused.code, refused.lines[0]["refusal"]["kind"]) == (1, "Full")


def test_the_timeline_is_told_by_the_code(weft: Weft, run_id: str) -> None:
    """Without the System it is said what is missing; with it the story is that of every engine."""
    bare = weft("runs", "show", "listener", run_id)
    whole = weft("runs", "show", "listener", run_id, "--target", STAGE, "--json")

    assert bare.code == 0
    assert "--target TARGET" in bare.err
    assert whole.lines[0]["timeline"][0]["kind"] == "start"
    assert whole.lines[0]["status"] == "waiting"


def test_a_run_is_cancelled_and_takes_no_more(weft: Weft, run_id: str) -> None:
    """Cancelling is taken, and a run that has ended takes no signal."""
    cancelled = weft("runs", "cancel", "listener", run_id, "--reason", "enough")
    eventually(lambda: weft("runs", "show", "listener", run_id).out, lambda out: "cancelled" in out)
    late = weft("runs", "signal", "listener", run_id, "Word", '{"text": "hello"}')

    assert cancelled.code == 0
    assert (late.code, "WEFT-E306" in late.err) == (1, True)


def test_all_that_a_query_means_are_terminated(weft: Weft, run_id: str) -> None:
    """A bulk action asks each run by itself, and writes a line for each."""
    listed(weft, f"workflow = 'listener' and id = '{run_id}'", 1)
    done = weft("runs", "terminate", "--where", "workflow = 'listener'", "--reason", "over", "--yes", "--json")

    assert (done.code, [line["id"] for line in done.lines]) == (0, [run_id])
    assert "terminated" in weft("runs", "show", "listener", run_id).out


def test_nothing_is_skipped_that_needs_no_attention(weft: Weft, run_id: str) -> None:
    """What the run refuses of an operator is told with its code."""
    skipped = weft("runs", "skip", "listener", run_id, "--reason", "a test")

    assert (skipped.code, "WEFT-E602" in skipped.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "export", "listener", "l-1"),
        ("runs", "show", "listener", "l-1", "--epoch", "0"),
        ("schedules", "list"),
    ],
)
def test_what_a_server_cannot_be_asked_is_refused(weft: Weft, words: tuple[str, ...]) -> None:
    """What reads the embedded engine's file says that there is none, and what to do."""
    refused = weft(*words, "--json")

    assert (refused.code, refused.lines[0]["error"]["code"]) == (3, "WEFT-E353")
    assert refused.lines[0]["error"]["do"]


def test_a_run_that_is_not_there(weft: Weft) -> None:
    """Nobody knows a run that was never started, and a reset that undoes is refused before anything happens."""
    missing = weft("runs", "show", "listener", "nobody")

    assert (missing.code, "WEFT-E305" in missing.err) == (1, True)


def test_a_file_is_worked_off(start: Start) -> None:
    """`weft run` with inputs writes a line for each run that has ended."""
    source = letters("counts.jsonl", 2)
    engine = start(STAGE, "in_turn", "--input", source, "--id", uuid4().hex, ready=r"1 completed")

    done = engine.answer()

    assert (done.code, json.loads(done.out)["result"]) == (0, ["THING-0", "THING-1"])


def test_doctor_looks_at_the_server(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection, the namespace, its attributes and the clock are looked at, and the key is not shown."""
    checked = weft("doctor", "--json")
    monkeypatch.setenv("WEFT_TEMPORAL__API_KEY", "k3y-that-nobody-may-see")
    refused = weft("doctor")

    found = {each["name"]: each for each in checked.lines[0]["checks"]}
    assert checked.code == 0
    assert found["temporal"]["status"] == "ok"
    assert found["server clock"]["status"] == "ok"
    assert "attributes" in found
    assert refused.code == 3
    assert "api_key = ***" in refused.out
    assert "k3y-that" not in refused.out + refused.err


def test_doctor_names_what_is_not_there(weft: Weft, temporal_address: str) -> None:
    """A namespace that is not there, and a server that is not there, each have a remedy."""
    nowhere = weft("doctor", "--engine", f"temporal://{temporal_address}/nowhere")
    nobody = weft("doctor", "--engine", "temporal://127.0.0.1:1/default")

    assert (nowhere.code, nobody.code) == (3, 3)
    assert "temporal operator namespace create" in nowhere.out
    assert "127.0.0.1:1 cannot be reached" in nobody.out
