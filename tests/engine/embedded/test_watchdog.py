"""The watchdog: a step that holds everybody up is reported while it does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.engine.embedded.mill import Mill
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.watchdog import SLOW_STEP_S, Watchdog
from weft.engine.execution.execution import Identity
from weft.model.workflow import workflow

said: list[str] = []
"""What the watchdog has said so far."""


class Listener(logging.Handler):
    """Notes what is reported, at once."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a report."""
        said.append(record.getMessage())


@workflow
async def hog(key: str) -> str:
    """Compute until the watchdog has said so."""
    while not said:
        pass
    return key


@contextmanager
def heard_by(listener: logging.Handler) -> Generator[None]:
    """Have somebody listen to the engine's log."""
    log = logging.getLogger("weft.engine")
    log.addHandler(listener)
    try:
        yield
    finally:
        log.removeHandler(listener)


def busy(until: Callable[[], bool]) -> None:
    """Hold the thread up as a computation does, for ten seconds at most."""
    end = time.monotonic() + 10
    while not until() and time.monotonic() < end:
        pass


async def test_a_step_that_does_not_end_is_reported_with_its_line(tmp_path: Path) -> None:
    """The report names the run and the line of the workflow, comes while the step goes on, and comes once."""
    said.clear()
    async with Mill(tmp_path, hog) as mill:
        mill.engine._work.journal.watchdog.slow_s = 0.05

        with closing(Listener(logging.WARNING)) as listener, heard_by(listener):
            assert await (await mill.host.start(hog, "x", id="1")).result() == "x"

    assert len(said) == 2
    assert said[0].startswith("run hog/1 has not ended a step for 0.1 s at embedded/test_watchdog.py:")
    assert "for one step; all other runs waited" in said[1]


def test_short_steps_are_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Many steps that are each short are no reason to say anything, however long they take together."""
    watchdog = Watchdog(slow_s=0.05)
    live = LiveRun(1, Identity("hog", "1", "chain"), None)
    watchdog.open()
    ends = iter(range(40))

    with caplog.at_level(logging.WARNING, logger="weft.engine"):
        for _ in ends:
            watchdog.begin(live)
            began = time.monotonic()
            busy(lambda began=began: time.monotonic() - began > 0.004)
            watchdog.end()
        watchdog.close()

    assert caplog.records == []


def test_a_closed_watchdog_is_gone() -> None:
    """Closing ends the thread; closing again is harmless."""
    watchdog = Watchdog()
    watchdog.open()

    watchdog.close()
    watchdog.close()

    assert "weft-watchdog" not in [thread.name for thread in threading.enumerate()]
    assert SLOW_STEP_S == 2.0
