"""`weft runs reset` and `weft runs show --epoch`: an operator cuts a run, and looks at what it was."""

from __future__ import annotations

from tests.cli.commands import DESK, Start, Weft, letters, run_desk


def stamped(weft: Weft) -> None:
    """Let a run come to its end."""
    assert run_desk("send", "--input", letters("letters.jsonl", {"id": "a"})).code == 0
    assert weft("runs", "list").code == 0


def test_an_ended_run_is_reset_by_the_next_engine(weft: Weft) -> None:
    """A reset is kept until an engine runs, and then the run goes on from the step; both epochs can be shown."""
    stamped(weft)

    asked = weft("runs", "reset", "send", "a", "--at", "Post.stamp.1", "--reason", "wrong scale", "--who", "ada")
    run_desk("send", "--input", "letters.jsonl")

    assert asked.code == 0
    assert "reset kept; no engine runs" in asked.err
    new, old = weft("runs", "show", "send/a").out, weft("runs", "show", "send/a", "--epoch", "0").out
    assert "reset after Post.stamp.1 to epoch 1: wrong scale (by ada)" in new
    assert "reset" not in old
    assert weft("runs", "show", "send/a", "--json").lines[0]["epoch"] == 1


def test_a_step_that_is_not_there_is_refused_at_once(weft: Weft) -> None:
    """What can be known without the code is said before anything is asked of an engine."""
    stamped(weft)

    answer = weft("runs", "reset", "send/a", "--at", "Post.stmp.1", "--reason", "r", "--json")
    epoch = weft("runs", "show", "send/a", "--epoch", "3")

    assert (answer.code, answer.lines[0]["error"]["code"]) == (1, "WEFT-E341")
    assert "Post.stamp.1" in answer.err
    assert (epoch.code, "the epochs 0 to 0" in epoch.err) == (1, True)


def test_a_reset_that_the_engine_refuses_is_a_finding(weft: Weft, start: Start) -> None:
    """What only the code can tell is told by the engine, with its reason, and by the exit code."""
    letters("letters.jsonl", {"id": "b"})
    assert run_desk("drop", "--input", "letters.jsonl").code == 0
    start(str(DESK))

    answer = weft("runs", "reset", "drop/b", "--at", "start", "--reason", "again")
    kept = weft("runs", "reset", "drop/b", "--at", "start", "--keep", "--reason", "again")

    assert (answer.code, "reset was refused by process" in answer.err) == (1, True)
    assert (kept.code, "reset taken by process" in kept.err) == (0, True)
