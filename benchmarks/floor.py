"""The floor: five steps on a bare asyncio loop with a group-committed SQLite journal, and no framework.

What it does is what no durable engine can leave out: a row when a run starts, a row after each step, the end, each on
the disk (WAL, synchronous=FULL) before the next step begins. Commits are shared by all runs that wait, rows of one commit
are one statement, and the commit itself runs on a thread.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Self

STEPS = 5
ROWS_AT_ONCE = 1_024

TABLES = """
CREATE TABLE runs (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, result BLOB);
CREATE TABLE journal (run INTEGER NOT NULL, seq INTEGER NOT NULL, entry BLOB NOT NULL);
CREATE UNIQUE INDEX journal_run ON journal (run, seq);
"""


class Floor:
    """A journal and its committer."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)
        self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
        self._loop = asyncio.get_running_loop()
        self._rows: list[object] = []
        self._runs: list[object] = []
        self._ends: list[object] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = False
        self._orders: SimpleQueue[list[asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._commit_all, daemon=True)
        self._thread.start()
        self._keys = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._orders.put(None)
        self._thread.join()
        self._connection.close()

    async def run(self, run_id: str, data: bytes) -> bytes:
        """Run five steps durably and return the last one's result."""
        self._keys += 1
        key = self._keys
        self._runs += (key, run_id, 0)
        self._rows += (key, 0, data)
        await self._committed()
        value = json.loads(data)
        for step in range(STEPS):
            value = await work(value)
            self._rows += (key, step + 1, json.dumps(value).encode())
            if step == STEPS - 1:
                self._ends += (key, 4, json.dumps(value).encode())
            await self._committed()
        return json.dumps(value).encode()

    def _committed(self) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._waiting and not self._busy:
            self._loop.call_soon(self._stage)
        self._waiting.append(done)
        return done

    def _stage(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._busy = True
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        _insert(execute, "INSERT INTO runs (key, id, status) VALUES", self._runs, 3)
        _insert(execute, "INSERT INTO journal (run, seq, entry) VALUES", self._rows, 3)
        for start in range(0, len(self._ends), 3):
            key, status, result = self._ends[start : start + 3]
            execute("UPDATE runs SET status = ?, result = ? WHERE key = ?", (status, result, key))
        self._runs, self._rows, self._ends = [], [], []
        self._orders.put(waiting)

    def _commit_all(self) -> None:
        while (waiting := self._orders.get()) is not None:
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._wake, waiting)

    def _wake(self, waiting: list[asyncio.Future[None]]) -> None:
        self._busy = False
        for done in waiting:
            done.set_result(None)
        if self._waiting:
            self._loop.call_soon(self._stage)


async def work(value: int) -> int:
    """Do one step: as little as a step can do."""
    return value + 1


def _insert(execute: object, statement: str, values: list[object], columns: int) -> None:
    row = f"({', '.join('?' * columns)})"
    width = ROWS_AT_ONCE * columns
    for start in range(0, len(values), width):
        part = values[start : start + width]
        execute(f"{statement} {', '.join([row] * (len(part) // columns))}", part)  # type: ignore[operator]
