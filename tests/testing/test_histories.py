"""Runs that were exported on one Python replay on every other: journals of every released format stay readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.testing.recorded import FOLDER, MINOR, office, record
from weft.engine.embedded.export import read_exported
from weft.engine.execution.commands import decode_commands
from weft.engine.execution.divergence import key_of
from weft.engine.execution.entries import Entry, decode_entry
from weft.engine.execution.execution import Identity
from weft.engine.execution.readable import COMMANDS, ENTRIES
from weft.testing import replay

FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_run_replays_on_this_python(file: Path) -> None:
    """Every generation of every run goes through, and nothing drifts."""
    done = replay(office, file, every_generation=True, drifts=False)

    assert {each.workflow for each in done} == set(office.workflows)
    assert sum(each.entries for each in done) > 30


def test_the_oldest_and_the_newest_python_are_recorded() -> None:
    """There are runs of the oldest and of the newest Python."""
    assert {file.stem for file in FILES} >= {"3.11", "3.14"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_histories_hold_what_journals_can_hold(file: Path) -> None:
    """Updates, children, generations, patches, deadlines, undos and resets are all there."""
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    entries = [line for line in lines if line["kind"] == "entry"]

    told = {line["entry"]["type"] for line in entries}
    answered = {command["type"] for line in entries for command in line["commands"]}
    missing = {kind.__struct_config__.tag for kind in ENTRIES} - told
    assert missing == {"skip", "note"}
    assert {kind.__struct_config__.tag for kind in COMMANDS} - answered == set()


async def test_what_is_recorded_today_is_what_was() -> None:
    """Today's rules give the same journals; a difference needs a new protocol number, not a new recording."""
    if not (FOLDER / f"{MINOR}.jsonl").exists():
        pytest.skip("there is no recording of this Python")

    again = _told(await record())
    kept = _told((FOLDER / f"{MINOR}.jsonl").read_bytes().splitlines())

    assert again == kept


def _told(lines: list[bytes]) -> list[tuple[Identity, list[tuple[Entry, list[object]]]]]:
    """Return what runs were told and what they answered, but for the lines of code."""
    return [
        (run.identity, [(decode_entry(row.entry), [*map(key_of, decode_commands(row.commands))]) for row in run.rows])
        for run in read_exported(lines)
    ]
