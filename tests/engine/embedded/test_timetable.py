"""When runs wake: one that cannot be woken keeps no other asleep."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, Mill
from weft.clock import VirtualClock
from weft.engine.embedded.timetable import Timetable
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def doze(minutes: int) -> str:
    """Sleep for some minutes."""
    await asyncio.sleep(60 * minutes)
    return "awake"


@pytest.mark.parametrize("minutes", [1, 5])
async def test_a_run_that_cannot_be_woken_keeps_no_other_asleep(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, minutes: int
) -> None:
    """A row that makes no sense is reported; the runs that are due with it and after it wake."""
    async with Mill(tmp_path, doze) as mill:
        for number in range(3):
            await mill.host.start(doze, minutes + number // 2, id=str(number))
        await mill.settle()
        mill.engine._work.shelf.put_back_idle()
        with closing(sqlite3.connect(mill.path, isolation_level=None)) as connection:
            connection.execute("UPDATE runs SET status = -1 WHERE key = 1")

        with caplog.at_level(logging.ERROR, logger="weft.engine"):
            await mill.spend(HOUR)

        assert "run 1 could not be woken" in caplog.text
        for number in (1, 2):
            assert await mill.status(doze, str(number)) is RunStatus.COMPLETED


class Sleepers:
    """Where two runs say when they wake."""

    def due(self, after_ms: int, until_ms: int, limit: int) -> list[tuple[int, int]]:
        """Return them."""
        rows = [(1_000, 1), (2_000, 2)]
        return [row for row in rows if after_ms < row[0] <= until_ms][:limit]


async def test_the_alarm_is_set_again_whatever_was_raised() -> None:
    """Also something that nobody foresaw leaves the timetable with an alarm for the next run."""
    clock, woken = VirtualClock(0), list[int]()

    def wake(key: int) -> None:
        woken.append(key)
        if key == 1:
            raise KeyboardInterrupt

    timetable = Timetable(clock, fire=print, wake=wake, broken=print, failed=print)
    timetable.open(Sleepers())

    with pytest.raises(KeyboardInterrupt):
        clock.move_to(1_000)
    clock.move_to(2_000)

    assert woken == [1, 2]
