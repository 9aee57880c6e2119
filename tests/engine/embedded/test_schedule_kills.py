"""A real process is killed again and again while its schedules fire: no time is lost, and none is started twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tests.engine.embedded.clockwork import SCHEDULES
from weft.engine.embedded.schedules import table
from weft.engine.embedded.store import Store

SEVERAL = 60
"""Real seconds after which a process that should have ended is given up."""

KILLS = (1, 2, 3, 5, 8, 13, 21)


def run(folder: Path, seconds: float, kill: int) -> int:
    """Let the process go on until it is killed or has ended."""
    command = [sys.executable, "-m", "tests.engine.embedded.clockwork", str(folder), str(seconds), str(kill)]
    return subprocess.run(command, timeout=SEVERAL, check=False).returncode


def test_killed_again_and_again_each_time_is_started_once(tmp_path: Path) -> None:
    """From the first time to the last that was decided, each schedule has one run for each second, and no other."""
    codes = [run(tmp_path, SEVERAL, kill) for kill in KILLS]
    last = run(tmp_path, 0.3, 0)

    with closing(Store.open(tmp_path / "clockwork.db", system="clockwork", owner=False)) as store:
        kept = table.listed(store, after="", limit=SCHEDULES)
        ids = [row.run_id for row in store.list_runs(limit=100_000)]
    expected = {
        each.spec.run_id(at_ms)
        for each in kept
        for at_ms in range(min(times_of(ids, each.spec.id)), each.state.done_ms + 1, 1_000)
    } - {waiting.run_id for each in kept for waiting in each.state.waiting}
    assert (codes, last) == ([-signal.SIGKILL] * len(KILLS), 0)
    assert len(ids) == len(set(ids))
    assert set(ids) == expected
    assert sum(each.state.counts.repeated + each.state.counts.missed for each in kept) == 0


def times_of(ids: list[str], schedule: str) -> list[int]:
    """Return the times of a schedule's runs in milliseconds since 1970."""
    found = [each.partition("@") for each in ids]
    moments = [datetime.fromisoformat(moment) for name, _, moment in found if name == schedule]
    return [round(each.timestamp() * 1_000) for each in moments]
