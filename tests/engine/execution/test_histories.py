"""Journals recorded on one Python are replayed on every other: the rules of an execution are on disk."""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.execution.histories import FOLDER, MINOR, PROGRAMS, History, begin, read, record
from weft.engine.execution.commands import RunEnded
from weft.engine.execution.divergence import compare

HISTORIES = [history for path in sorted(FOLDER.glob("*.jsonl")) for history in read(path)]


@pytest.mark.parametrize("history", HISTORIES, ids=repr)
def test_recorded_history_replays(history: History) -> None:
    """A journal of any supported Python replays on this one, step by step, to the same end."""
    _, run = begin(history.program)

    for step in history.steps:
        run.execution.replay(step.entry, step.at_ms, step.commands)

    recorded = next(command for command in history.steps[-1].commands if isinstance(command, RunEnded))
    assert run.execution.ended is not None
    # Journals from before refusals travelled with the end of a run do not have their fields.
    assert msgspec.structs.replace(run.execution.ended, line=recorded.line, data=recorded.data) == recorded
    assert run.evict() == []


@pytest.mark.parametrize("history", [each for each in HISTORIES if each.python == MINOR], ids=repr)
def test_history_is_what_is_recorded_today(history: History) -> None:
    """Today's rules give the recorded journal; a difference needs a new protocol number, not a new recording."""
    again = record(history.program, history.fate)

    assert [step.entry for step in again.steps] == [step.entry for step in history.steps]
    for at, (new, old) in enumerate(zip(again.steps, history.steps, strict=True)):
        compare(new.entry, at=at, recorded=old.commands, new=new.commands)


def test_histories_cover_the_oldest_and_the_newest_python() -> None:
    """There are histories of every program of the oldest and of the newest Python."""
    assert {history.python for history in HISTORIES} >= {"3.11", "3.14"}
    assert {history.program for history in HISTORIES} == set(PROGRAMS)
