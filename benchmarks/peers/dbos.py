"""DBOS on SQLite: the five-step workflow as its documentation writes one, on the same disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from dbos import DBOS, SetWorkflowID

from benchmarks.floor import STEPS, work


@DBOS.step()
async def do_work(value: int) -> int:
    """Do one step."""
    return await work(value)


@DBOS.workflow()
async def five(value: int) -> int:
    """Do five steps, each on the disk before the next begins."""
    for _ in range(STEPS):
        value = await do_work(value)
    return value


class Dbos:
    """DBOS, launched in this process."""

    async def run(self, run_id: str, value: int) -> int:
        """Run five steps durably and return the last one's result."""
        with SetWorkflowID(run_id):
            handle = await DBOS.start_workflow_async(five, value)
        return await handle.get_result()


@asynccontextmanager
async def open_dbos(folder: Path, *, wal: bool) -> AsyncIterator[Dbos]:
    """Launch DBOS on a file in a folder; `wal` sets the file's journal mode, which DBOS leaves as it is."""
    path = folder / "dbos.db"
    if wal:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    DBOS(config={"name": "benchmark", "system_database_url": f"sqlite:///{path}", "log_level": "ERROR"})
    DBOS.launch()
    try:
        yield Dbos()
    finally:
        await asyncio.to_thread(DBOS.destroy)
