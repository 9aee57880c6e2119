"""`weft run`: inputs become runs, runs become lines, and nothing is started twice."""

from __future__ import annotations

import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import DESK, PROGRAM, SEVERAL, Start, Weft, letters, run_desk


def test_each_input_becomes_one_line_in_order() -> None:
    """Each input is a run of its own, written once it has ended, in the order of the inputs."""
    source = letters("letters.jsonl", {"id": "b", "stamps": 2}, {"id": "a"})

    answer = run_desk("send", "--input", source)

    assert answer.code == 0
    assert [(line["id"], line["status"], line["result"]) for line in answer.lines] == [
        ("b", "completed", 170),
        ("a", "completed", 85),
    ]
    assert "send: 2 completed" in answer.err
    assert "stamping a" in answer.err  # what services print is talk


def test_second_start_finds_the_runs(weft: Weft) -> None:
    """The same inputs again give the same lines, and no run is added."""
    source = letters("letters.jsonl", {"id": "a"}, {"id": "b"}, {"id": "b"})

    first, second = (run_desk("send", "--input", source) for _ in range(2))

    assert (second.code, second.out) == (0, first.out)
    assert sorted(line["id"] for line in weft("runs", "list", "--json").lines) == ["a", "b"]


def test_failed_run_is_a_finding() -> None:
    """A run that fails is told in its line, and the exit code is 1."""
    source = letters("letters.jsonl", {"id": "light"}, {"id": "heavy", "stamps": 9})

    answer = run_desk("send", "--input", source)

    assert answer.code == 1
    assert [line["status"] for line in answer.lines] == ["completed", "failed"]
    assert answer.lines[1]["error"]["code"] == "WEFT-E301"
    assert "NoStamps" in answer.lines[1]["error"]["what"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--id-field", "to.name"], ["ada"]),
        (["--id", "first"], ["first"]),
        ([], ["o-1"]),
    ],
)
def test_id_comes_from_option_field_or_input(options: list[str], ids: list[str]) -> None:
    """A run's id is what --id says, what --id-field names, or the input's own id."""
    source = letters("letter.json", {"id": "o-1", "to": {"name": "ada"}})

    answer = run_desk("send", "--input", source, *options)

    assert [line["id"] for line in answer.lines] == ids


def test_inputs_come_from_stdin() -> None:
    """A dash reads one input a line from standard input."""
    answer = run_desk("send", "--input", "-", typed='{"id": "a"}\n\n{"id": "b"}\n')

    assert [line["id"] for line in answer.lines] == ["a", "b"]


def test_wrong_lines_start_nothing(folder: Path) -> None:
    """Every line that does not parse is named with its file, and no run is started."""
    Path("letters.jsonl").write_text('{"id": "a"}\n{"id": 7}\n{"id": \n', encoding="utf-8")

    answer = run_desk("send", "--input", "letters.jsonl")

    assert answer.code == 2
    assert "WEFT-E602: 2 inputs cannot be used" in answer.err
    assert "letters.jsonl:2: " in answer.err
    assert "letters.jsonl:3: it is not JSON" in answer.err
    assert not (folder / "desk.db").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b'{"id": NaN}', "letter.json:1\n"),
        (b'{"id": "a",\n "stamps": 1,}', "letter.json:2\n"),
        (b'{"id": "a"}\n{"id": "b"}', "ends in .jsonl"),
        (b'{"id": "\\ud800"}', "half a character"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "digits"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(weft: Weft, typed: bytes, said: str) -> None:
    """Whatever a file holds, it is read or refused with its line; nothing is guessed."""
    Path("letter.json").write_bytes(typed)

    answer = weft("run", str(DESK), "send", "--input", "letter.json")

    assert answer.code == 2
    assert answer.err.startswith("WEFT-E602")
    assert said in answer.err


def test_file_may_begin_with_a_mark() -> None:
    """A byte order mark at the beginning of a file is passed over."""
    Path("letter.json").write_bytes(b'\xef\xbb\xbf{"id": "a"}')

    assert run_desk("send", "--input", "letter.json").lines[0]["result"] == 85


def test_one_id_for_two_inputs_starts_nothing() -> None:
    """Two inputs that claim one id are refused with both places."""
    source = letters("letters.jsonl", {"id": "a"}, {"id": "a", "stamps": 2})

    answer = run_desk("send", "--input", source)

    assert answer.code == 2
    assert "the id 'a' is that of letters.jsonl:1" in answer.err
    assert "at letters.jsonl:2" in answer.err


def test_id_that_is_taken_is_told_in_its_line() -> None:
    """An id whose run has another input is not started; the other inputs are."""
    run_desk("send", "--input", letters("first.jsonl", {"id": "a"}))

    answer = run_desk("send", "--input", letters("second.jsonl", {"id": "a", "stamps": 2}, {"id": "b"}))

    assert answer.code == 1
    assert [line["status"] for line in answer.lines] == ["not started", "completed"]
    assert answer.lines[0]["error"]["code"] == "WEFT-E304"


@pytest.mark.parametrize(
    ("target", "workflow", "said"),
    [
        (str(DESK), "sent", "did you mean 'send'?"),
        (f"{DESK}:dusk", "send", "did you mean 'desk'?"),
        (f"{DESK}:Post", "send", "is no System but a type"),
        ("desc", "send", "there is no module 'desc'"),
        ("desc.py", "send", "there is no file"),
        ("json", "send", "json has no System"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(weft: Weft, target: str, workflow: str, said: str) -> None:
    """A target or workflow that is not there is wrong use, told with what comes nearest."""
    source = letters("letters.jsonl", {"id": "a"})

    answer = weft("run", target, workflow, "--input", source)

    assert answer.code == 2
    assert answer.err.startswith("WEFT-E601")
    assert said in answer.err


def test_module_that_fails_is_told_with_its_line(weft: Weft) -> None:
    """What a module raises while it is imported is told with the line that raised it."""
    Path("broken.py").write_text("import weft\n\n1 / 0\n", encoding="utf-8")

    answer = weft("run", "broken.py")

    assert answer.code == 3
    assert "ZeroDivisionError" in answer.err
    assert "broken.py:3" in answer.err
    assert "Traceback" not in answer.err


def test_wrong_declaration_is_a_finding(weft: Weft) -> None:
    """A System that is declared wrongly ends with its problems and exit code 1."""
    Path("wrong.py").write_text("from weft import System\ns = System('', services=[int])\n", encoding="utf-8")

    answer = weft("run", "wrong.py")

    assert answer.code == 1
    assert "WEFT-E101" in answer.err
    assert "wrong.py:2" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [["send"], ["--input", "x.json"], ["--id", "a"], ["send", "--input", "x.json", "--id", "a", "--id-field", "id"]],
)
def test_options_that_do_not_fit_are_wrong_use(weft: Weft, arguments: list[str]) -> None:
    """Options that contradict or lack one another end with exit code 2 before anything is read."""
    answer = weft("run", str(DESK), *arguments)

    assert answer.code == 2
    assert answer.err.startswith("Usage: weft run")


def test_interrupted_batch_goes_on_later(start: Start) -> None:
    """Stopped by SIGTERM a batch drains, says what is open, and finds its runs when it is started again."""
    source = letters("letters.jsonl", {"id": "a"}, {"id": "b"})
    engine = start(str(DESK), "approve", "--input", source, ready="all started")

    stopped = engine.stop()

    assert stopped.code == 1
    assert "2 more, which go on at the next start" in stopped.err
    assert not stopped.out
    again = start(str(DESK), "approve", "--input", source, ready="all started").stop()
    assert "2 more" in again.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_drains_when_it_is_stopped(start: Start, number: signal.Signals) -> None:
    """Without a workflow the host serves until it is stopped, which is no failure."""
    engine = start(str(DESK))

    stopped = engine.stop(number)

    assert stopped.code == 0
    assert "everything is on disk" in stopped.err


def test_second_engine_is_told_the_owner(start: Start) -> None:
    """A store has one engine; the second is told which process that is."""
    engine = start(str(DESK))

    answer = run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    assert answer.code == 3
    assert "WEFT-E311" in answer.err
    assert f"process {engine.process_id}" in answer.err


def test_blocked_run_is_not_waited_for(start: Start) -> None:
    """A run whose code has changed under its journal is told as blocked instead of being waited for."""
    changed = Path("desk_of_today.py")
    code = DESK.read_text("utf-8")
    source = letters("letters.jsonl", {"id": "jam-1"})
    changed.write_text(code, encoding="utf-8")
    start(str(changed), "drop", "--input", source, ready="needs attention").stop()
    changed.write_text(code.replace("return await post.drop(letter.id)", "return 'dropped'"), encoding="utf-8")

    answer = start(str(changed), "drop", "--input", source, ready="blocked").answer()

    assert answer.code == 1
    assert answer.lines[0]["status"] == "blocked"
    assert "WEFT-E204" in answer.lines[0]["error"]["what"]


def test_results_that_nobody_reads_are_a_finding() -> None:
    """Where the reader of the results leaves, the batch ends in order and says so; the runs are on disk."""
    source = letters("letters.jsonl", *({"id": f"l-{number}"} for number in range(50)))
    command = [*PROGRAM, "run", str(DESK), "send", "--input", source]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()

    _, said = process.communicate(timeout=SEVERAL)

    assert process.returncode == 1
    assert "nobody reads the results" in said
    assert "Traceback" not in said


def test_disk_that_takes_no_more_ends_the_batch() -> None:
    """Where the disk takes no more the batch ends with exit code 3, hangs nowhere, and goes on once there is room."""
    source = letters("letters.jsonl", *({"id": f"letter-{number}"} for number in range(2_000)))
    command = shlex.join([*PROGRAM, "run", str(DESK), "send", "--input", source])

    full = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f 400; exec {command}"],
        capture_output=True, text=True, timeout=SEVERAL, check=False,
    )  # fmt: skip
    roomy = run_desk("send", "--input", source)

    assert full.returncode == 3
    assert "WEFT-E313" in full.stderr
    assert roomy.code == 0
    assert [line["status"] for line in roomy.lines] == ["completed"] * 2_000
