"""A process that is killed while schedules fire: `python -m tests.engine.embedded.clockwork FOLDER SECONDS KILL`.

KILL is the number of the commit after which the process kills itself, before anything leaves that it allowed; 0 for not
at all. It ends by itself after some seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.schedule import Occurrence, Overlap, Schedule
from weft.model.system import System
from weft.model.timing import every
from weft.model.workflow import workflow

SCHEDULES = 8
SECOND = timedelta(seconds=1)


@workflow
async def strike(when: Occurrence) -> str:
    """Tell the time."""
    await asyncio.sleep(0.01)
    return when.at.isoformat()


clockwork = System(
    "clockwork",
    workflows=[strike],
    schedules=[
        Schedule(
            f"s{number}",
            strike,
            every(SECOND, offset=SECOND * number / SCHEDULES),
            overlap=Overlap.ALLOW_ALL if number % 2 else Overlap.BUFFER_ALL,
        )
        for number in range(SCHEDULES)
    ],
)


async def main(folder: Path, seconds: float, kill: int) -> None:
    """Let schedules fire until the time is over, or the process is killed."""
    host = Host(clockwork, settings=Settings(engine=f"sqlite:///{folder}/clockwork.db"))

    def on_commit(number: int) -> None:
        if number == kill:
            os.kill(os.getpid(), signal.SIGKILL)

    host.engine.on_commit = on_commit
    async with host:
        await asyncio.sleep(seconds)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
