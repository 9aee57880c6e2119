"""What a look at the source adds to the cause of a divergence."""

from __future__ import annotations

import time

import pytest

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin, Driver, build, operations
from weft.engine.execution.diagnosis import Step, diagnose
from weft.errors import JournalDiverged
from weft.model.workflow import workflow


@workflow
async def plain(n: int, *, desk: Desk) -> None:
    """Look and note."""
    await desk.look(n)
    await desk.note(n)


@workflow
async def clocked(n: int, *, desk: Desk) -> None:
    """Reserve once it is late."""
    if time.time() > 1:
        await desk.reserve(n)
    await desk.look(n)
    await desk.note(n)


def test_hazards_of_the_source_are_named(begin: Begin) -> None:
    """Code that reads the clock is said to read it, with its line, beside what it does otherwise."""
    run = begin(plain).reply("look.1").reply("note.1")
    steps = [Step(step.entry, step.at_ms, step.commands) for step in run.journal]

    with pytest.raises(JournalDiverged) as caught:
        Driver(clocked, run.settings, journal=run.journal)
    told = diagnose(
        caught.value, steps, begin=lambda: build(clocked, run.settings), workflow=clocked, operations=operations()
    )

    assert "likely cause: a step was added: desk.reserve; the source has " in told.what
    assert "workflow clocked reads the clock: time.time" in told.what
    assert "test_diagnosis.py:" in told.what
