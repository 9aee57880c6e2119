"""The program itself: help, versions, errors, pipes, and the pages that explain."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import DESK, PROGRAM, SEVERAL, Start, Weft, letters, run_desk

COMMANDS = [
    ["run"], ["worker"], ["runs"], ["doctor"], ["explain"], ["runs", "list"], ["runs", "show"], ["runs", "signal"],
    ["runs", "cancel"], ["runs", "retry"], ["runs", "skip"], ["runs", "terminate"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_helps_with_examples(weft: Weft, command: list[str]) -> None:
    """Each command's help shows how it is used."""
    answer = weft(*command, "--help")

    assert answer.code == 0
    assert "Examples:" in answer.out
    assert f"weft {' '.join(command)}" in answer.out


def test_help_imports_only_what_it_shows() -> None:
    """Help is quick because no command and no table is imported for it."""
    code = (
        "import sys; from weft.cli.program import execute; execute(['--help']); "
        "print(*sorted({'rich', 'weft.cli.run', 'weft.cli.runs', 'weft.cli.doctor'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SEVERAL, check=True)

    assert not done.stdout.splitlines()[-1]


def test_version_is_told(weft: Weft) -> None:
    """The version is one line."""
    assert weft("--version").out.startswith("weft ")


def test_reader_that_leaves_ends_the_command_quietly() -> None:
    """A pipe that is closed at its other end is no error and leaves no traceback."""
    process = subprocess.Popen([*PROGRAM, "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()

    _, said = process.communicate(timeout=SEVERAL)

    assert (process.returncode, said) == (0, b"")


def test_debugging_shows_the_traceback(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    """With WEFT_DEBUG an error shows where it was raised, and the variable is no setting."""
    monkeypatch.setenv("WEFT_DEBUG", "1")

    answer = weft("runs", "list")

    assert answer.code == 3
    assert "Traceback" in answer.err
    assert "WEFT-E601: there is no store" in answer.err


@pytest.mark.parametrize("written", ["WEFT-E501", "weft-e501", "E501", "e501", "501"])
def test_page_is_found_however_its_code_is_written(weft: Weft, written: str) -> None:
    """A code may be typed as it comes."""
    assert weft("explain", written).out.startswith("# WEFT-E501")


def test_pages_are_listed(weft: Weft) -> None:
    """Without a code all pages are listed, for programs as well."""
    assert "WEFT-E501  a transaction is misused" in weft("explain").out
    assert weft("explain", "--json").lines[0].keys() == {"code", "title"}


@pytest.mark.parametrize("code", ["E599", "nonsense", ""])
def test_unknown_code_is_told_with_the_nearest(weft: Weft, code: str) -> None:
    """A code without a page is wrong use, told with one that has a page."""
    answer = weft("explain", code)

    assert answer.code == 2
    assert "the nearest code is WEFT-E" in answer.err


def test_doctor_finds_nothing_wrong(weft: Weft) -> None:
    """Where everything is there, the doctor says so and names the System's parts."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))

    answer = weft("doctor", str(DESK), "--json")

    assert answer.code == 0
    checks = {check["name"]: check for check in answer.lines[0]["checks"]}
    assert checks["system"]["what"] == "desk: services Post; workflows approve, drawer, drop, send, sign"
    assert "runs: 1 completed; no engine runs" in checks["store"]["what"]
    assert checks.keys() >= {"python", "sqlite", "packages", "settings", "disk", "fsync", "clock"}


def test_doctor_names_the_owner_and_hides_secrets(weft: Weft, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor works beside an engine, and no secret of the settings is shown."""
    engine = start(str(DESK))
    monkeypatch.setenv("WEFT_SERVICES__POST__DATABASE", "postgresql://ada:s3cret@db/post")

    answer = weft("doctor")

    assert f"owned by process {engine.process_id}" in answer.out
    assert "ada:***@db" in answer.out
    assert "s3cret" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere:desk"], 2, "there is no module 'nowhere'"),
        (["wrong.py"], 1, "declared wrongly"),
        (["--engine", "mysql://x"], 3, "no engine answers to"),
        (["--settings", "none.toml"], 3, "none.toml cannot be read"),
    ],
)
def test_doctor_tells_what_is_wrong(weft: Weft, arguments: list[str], code: int, said: str) -> None:
    """What is wrong is told in the report, with exit code 3 around weft, 2 in the command line, 1 in the System."""
    Path("wrong.py").write_text("from weft import System\ns = System('', services=[int])\n", encoding="utf-8")

    answer = weft("doctor", *arguments)

    assert answer.code == code
    assert said in answer.out


def test_control_characters_do_not_reach_the_terminal(weft: Weft) -> None:
    """What a run was given cannot move the cursor of whoever looks at it."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a\x1b[2J"}))

    assert "\x1b" not in weft("runs", "list").out + weft("runs", "show", "send", "a\x1b[2J").out


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_terminal_gets_colours_unless_it_wants_none(environment: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """On a terminal a list is coloured, and with NO_COLOR not a single escape sequence is written."""
    run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}))
    leader, follower = pty.openpty()

    command = [*PROGRAM, "runs", "list"]
    subprocess.run(command, stdout=follower, env=os.environ | {"TERM": "xterm"} | environment, check=True)
    os.close(follower)
    shown = os.read(leader, 65_536).decode()
    os.close(leader)

    assert "completed" in shown
    assert ("\x1b[" in shown) is coloured
