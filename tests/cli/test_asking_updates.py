"""`weft runs ask`: an update from another process is answered, refused, or told to be lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import DESK, Engine, Start, Weft


@pytest.fixture
def drawer(start: Start) -> Engine:
    """Start an engine with a drawer of five stamps."""
    Path("five.json").write_text("5", encoding="utf-8")
    return start(str(DESK), "drawer", "--input", "five.json", "--id", "d", ready="all started")


def ask(weft: Weft, stamps: int, *more: str) -> tuple[int, str, str]:
    """Ask the drawer to take stamps; return the exit code and what was written."""
    answer = weft("runs", "ask", "drawer", "d", "Add", "--body", json.dumps({"stamps": stamps}), *more)
    return answer.code, answer.out, answer.err


def test_two_processes_ask_one_run(weft: Weft, drawer: Engine) -> None:
    """Each gets the answer to its own update, over generations, and the list shows how many there were."""
    first = ask(weft, 2)
    second = ask(weft, 1, "--json")

    assert first == (0, "7\n", "")
    assert json.loads(second[1])["answer"] == 8
    assert json.loads(weft("runs", "list", "--json").out)["generation"] == 2
    assert "generation" in weft("runs", "list").out
    drawer.kill()


def test_a_refusal_is_told_with_its_fields(weft: Weft, drawer: Engine) -> None:
    """What the run declines is no answer: nothing on stdout, the refusal on stderr, exit code 1."""
    plain, machine = ask(weft, 3), ask(weft, 3, "--json")

    assert plain == (1, "", 'drawer/d: Add refused with NoStamps: {"asked": 3}\n')
    assert json.loads(machine[1])["refusal"] == {"kind": "NoStamps", "fields": {"asked": 3}}
    drawer.kill()


def test_an_update_that_is_never_answered(weft: Weft, drawer: Engine) -> None:
    """Who asks is told that the run went on without an answer, or ended, and that one that waits has none yet."""
    forgotten = ask(weft, 12)
    ended = ask(weft, 99)
    after = ask(weft, 1)

    assert (forgotten[0], ended[:2], after[0]) == (1, (0, "116\n"), 1)
    assert "continued as new without an answer" in forgotten[2]
    assert "has ended: completed" in after[2]
    drawer.answer()


def test_an_update_that_cannot_be_told(weft: Weft, drawer: Engine) -> None:
    """Wrong fields and unknown kinds are refused before they are asked, and an unknown run is one."""
    wrong = ask(weft, 1, "--target", str(DESK))
    unread = weft("runs", "ask", "drawer", "d", "Add", "--body", '{"stamps": "x"}', "--target", str(DESK))
    unknown = weft("runs", "ask", "drawer", "d", "Ad", "--target", str(DESK))
    missing = weft("runs", "ask", "drawer", "d")

    assert (wrong[0], unread.code, unknown.code, missing.code) == (0, 2, 2, 2)
    assert "did you mean 'Add'?" in unknown.err
    assert "Say which update" in missing.err
    drawer.kill()


def test_an_update_nobody_is_there_for(weft: Weft, drawer: Engine) -> None:
    """Without an engine the update is kept, and the next one takes it."""
    drawer.kill()

    code, out, err = ask(weft, 2)

    assert (code, out) == (0, "")
    assert "no engine runs on this store" in err
    assert "not JSON" in weft("runs", "ask", "drawer", "d", "Add", "--body", "{").err
