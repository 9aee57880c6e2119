"""Recorded histories are understood for ever, and `weft replay` tells where today's code parts from one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.conformance.stage import stage
from tests.engine.temporal.recorded import HISTORIES
from weft.cli.program import execute
from weft.engine.temporal.rehearsal import replay_exported
from weft.host.rehearsal import programs_of

STAGE = str(Path(__file__).parents[2] / "conformance" / "stage.py")
RECORDED = sorted(HISTORIES.glob("*/*.json"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_recorded_history_is_understood(file: Path) -> None:
    """What an earlier adapter has done, on an earlier Python, today's does again."""
    text = await asyncio.to_thread(file.read_text, "utf-8")

    done = await replay_exported(text, where=file.name, programs=programs_of(stage), operations=stage.operations)

    assert done.error is None
    assert done.entries > 0


def test_every_shape_is_recorded() -> None:
    """Sagas, updates, children, generations, patches, timers and cancellations are among the histories."""
    assert len({file.stem for file in RECORDED}) >= 16


def test_histories_are_replayed_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Files of Temporal's command line are replayed, any number at once."""
    files = [str(file) for file in RECORDED if file.stem in {"undone", "messages"}]

    code = execute(["replay", STAGE, *files, "--json"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert {line["workflow"] for line in lines} == {"trip", "listener"}
    assert all(line["error"] is None for line in lines)


def test_a_history_of_other_code_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where today's code calls something else than the history has, that is told, and the exit code is 1."""
    recorded = next(file for file in RECORDED if file.stem == "steps").read_text("utf-8")
    changed = tmp_path / "changed.json"
    changed.write_text(recorded.replace("desk.note", "desk.give_back"), encoding="utf-8")

    code = execute(["replay", STAGE, str(changed)])

    out = capsys.readouterr().out
    assert code == 1
    assert out.startswith("in_turn/steps-")
    assert "WEFT-E204" in out
    assert "desk.give_back" in out


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"events": 7}', '{"events": [{"eventId": "1"}]}', "not JSON"])
def test_what_is_no_history_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A file that is no history is named, with the command that writes one."""
    file = tmp_path / "run.json"
    file.write_text(text, encoding="utf-8")

    code = execute(["replay", STAGE, str(file)])

    assert code == 2
    assert "temporal workflow show" in capsys.readouterr().err
