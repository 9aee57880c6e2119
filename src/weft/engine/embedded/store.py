"""Everything an engine keeps on disk: one SQLite file, written by one connection and read by another."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from weft.engine.embedded import batch as statements
from weft.engine.embedded import opening, schema
from weft.engine.embedded.batch import Attempts, Batch
from weft.engine.embedded.layout import BLOCK_KEYS
from weft.engine.embedded.requests import RequestRow
from weft.engine.embedded.rows import EntryRow, RunRow, checked, corrupt
from weft.engine.execution.entries import START_MARK
from weft.errors import StoreFailed
from weft.model.run import RunStatus

__all__ = ["Batch", "EntryRow", "RequestRow", "RunRow", "Store"]

MOST_REQUESTS = 1_000
"""How many pending requests are read at once; the rest come with the next look."""

_RUN_FROM = (
    "SELECT key, workflow, run_id, chain, generation, epoch, tenant, status, created_ms, wake_ms, ended_ms, reason, "
    "result FROM"
)
_RUN = f"{_RUN_FROM} runs"

FIND = f"{_RUN} WHERE workflow = ? AND run_id = ?"
# CROSS JOIN keeps the order: with IN (VALUES …) SQLite reads the whole index.
FIND_ALL = statements.Statement(_RUN_FROM, 2, "CROSS JOIN runs ON workflow = column1 AND run_id = column2")
ROW = f"{_RUN} WHERE key = ?"
JOURNAL = "SELECT seq, at_ms, entry, commands FROM journal WHERE run = ? AND seq >= ? AND seq < ? ORDER BY seq"
LAST_START = "SELECT seq FROM journal WHERE run = ? AND substr(entry, 2, ?) = ? ORDER BY seq DESC LIMIT 1"
IN_FLIGHT = f"{_RUN} WHERE wake_ms = 0 AND key > ? ORDER BY key LIMIT ?"
DUE = "SELECT wake_ms, key FROM runs WHERE wake_ms > ? AND wake_ms <= ? ORDER BY wake_ms, key LIMIT ?"
STATE = "SELECT value FROM states WHERE run = ? AND name = ?"
STATES = "SELECT name, value FROM states WHERE run = ?"
ATTEMPTS = "SELECT path, count, iif(attention = '', error, attention), next_ms FROM attempts WHERE run = ?"
FAILING = "SELECT path, count, error, next_ms, failures, equal, attention FROM attempts WHERE run = ?"
NEWEST = "SELECT key FROM runs WHERE key < ? ORDER BY key DESC LIMIT ?"
NEWEST_OF = "SELECT key FROM runs WHERE workflow = ? AND status = ? AND key < ? ORDER BY key DESC LIMIT ?"
COUNT = "SELECT count(*) FROM runs WHERE workflow = ? AND status = ?"
LAST_SEQ = "SELECT max(seq) FROM journal WHERE run = ?"
# A key is not given twice while anything knows it: the journal of a run that is deleted, the ages of its block.
MAX_KEY = (
    "SELECT max(ifnull((SELECT max(key) FROM runs), 0), ifnull((SELECT max(run) FROM deletions), 0), "  # noqa: S608
    f"ifnull((SELECT max(block) + 1 FROM ages), 0) * {BLOCK_KEYS} - 1)"
)
REQUESTS = "SELECT id, workflow, run_id, kind, body, who, why, at_ms FROM requests WHERE id > ? ORDER BY id LIMIT ?"

_AFTER_ALL_KEYS = 2**63 - 1


class Store:
    """Keep runs and their journals in one file.

    The owner has two connections: `stage`, `commit`, `write` and `rollback` use the first and never run at the same
    time as each other; all reads use the second and see what is committed, also while a commit is under way. Any
    other process has the second only. Nothing here waits, except `write` for a lock, `commit` for the disk, and
    `open`.
    """

    def __init__(self, path: Path, opened: opening.Opened) -> None:
        self.path = path
        self.epoch = opened.epoch
        self._reading = opened.reading
        self._writing = opened.writing
        self._ownership = opened.ownership
        self._given: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._version = self._data_version()
        self._load_names()

    @property
    def identity(self) -> str:
        """Return the name that no other store has."""
        return schema.identity_of(self._reading)

    @classmethod
    def open(cls, path: Path, *, system: str | None, owner: bool) -> Store:
        """Open the store at `path`; as its owner, make it where it is missing.

        Args:
            path: the file; its log and its lock lie beside it.
            system: the name of the System it belongs to; nothing, which only readers may say, accepts any.
            owner: whether to take the lock and the right to write.

        Raises:
            StoreOwned: another engine owns it.
            StoreNewer: a newer weft wrote it.
            StoreOfOtherSystem: it belongs to another System.
            SettingInvalid: the file cannot be opened, or there is none and `owner` is false.
            StoreFailed: it is not a store, or it is damaged.
        """
        return cls(path, opening.as_owner(path, system) if owner else opening.as_reader(path, system))

    # --- writing -----------------------------------------------------------------------------------------------------

    def stage(self, batch: Batch) -> bool:
        """Begin a transaction and execute all of a batch in it; false when another process holds the write lock.

        Nothing is on disk before `commit`. Never waits.

        Raises:
            StoreFailed: a statement failed; nothing of it happened.
        """
        connection = self._writer()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise schema.failed(error, self.path, doing="written") from error
        try:
            schema.check_epoch(connection, self.path, epoch=self.epoch)
            statements.stage(connection, batch, self._number)
        except StoreFailed:
            self.rollback()
            raise
        # A border: whatever a value or SQLite did, a transaction half executed must not stay open.
        except Exception as error:
            self.rollback()
            raise schema.failed(error, self.path, doing="written") from error
        return True

    def commit(self) -> None:
        """Make what was staged durable; it is on the disk when this returns.

        Raises:
            StoreFailed: nothing of it is visible. After an I/O error the disk may still hold all of it at the next
                start, or nothing, but never a part.
        """
        try:
            self._writer().execute("COMMIT")
        except sqlite3.Error as error:
            self.rollback()
            raise schema.failed(error, self.path, doing="committed") from error

    def write(self, batch: Batch) -> None:
        """Write a batch in one transaction, on the disk when this returns.

        Waits up to `LOCK_WAIT_S` for the write lock.

        Raises:
            StoreFailed: nothing of it happened.
        """
        connection = self._writer()
        connection.execute(f"PRAGMA busy_timeout = {int(schema.LOCK_WAIT_S * 1000)}")
        try:
            if not self.stage(batch):
                raise StoreFailed(
                    f"another program held the write lock for {schema.LOCK_WAIT_S:.0f} s",
                    where=str(self.path),
                    remedy="end it and start again: every run resumes from its journal",
                    reason="SQLITE_BUSY",
                )
            self.commit()
        finally:
            connection.execute("PRAGMA busy_timeout = 0")

    def rollback(self) -> None:
        """Forget what was staged; harmless when nothing is."""
        connection = self._writer()
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The error that led here is the one to tell; SQLite rolls back by itself when the file is next opened.
            connection.close()
        self._given.clear()

    # --- reading -----------------------------------------------------------------------------------------------------

    def find(self, workflow: str, run_id: str) -> RunRow | None:
        """Return a run by its workflow's name and its id."""
        number = self.number_of(workflow)
        return None if number is None else self._one(FIND, (number, run_id))

    def find_all(self, names: list[tuple[str, str]]) -> dict[tuple[str, str], RunRow]:
        """Return those runs of many names that there are."""
        if any(workflow not in self._numbers for workflow, _ in names):
            self._load_names()
        numbered = [(self._numbers.get(workflow), run_id) for workflow, run_id in names]
        with schema.mapped(self.path, doing="read"):
            rows = statements.execute(self._reading, FIND_ALL, numbered)
        return {(row.workflow, row.run_id): row for row in self._runs(rows)}

    def row(self, key: int) -> RunRow | None:
        """Return a run by its key."""
        return self._one(ROW, (key,))

    def journal(self, key: int, *, generation: int = 0) -> list[EntryRow]:
        """Return all entries of a run, in order; of a later generation its own only, found from the newest back.

        Raises:
            EntryCorrupt: they cannot be read as they were written; the rest of the store may be whole.
        """
        try:
            starts = self._reading.execute(LAST_START, (key, len(START_MARK), START_MARK)) if generation else None
            since = 0 if starts is None else (starts.fetchone() or (0,))[0]
            return checked(self._reading.execute(JOURNAL, (key, since, _AFTER_ALL_KEYS)).fetchall(), run=key)
        except sqlite3.DatabaseError as error:
            raise corrupt(key, None, str(error)) from error

    def entries(self, key: int, *, since: int, until: int) -> list[EntryRow]:
        """Return the entries of a run from one number up to another, which is not among them."""
        return checked(self._all(JOURNAL, (key, since, until)), run=key)

    def in_flight(self, after_key: int, limit: int) -> list[RunRow]:
        """Return open runs with calls under way (`wake_ms` is 0) whose key is larger, by key."""
        return self._runs(self._all(IN_FLIGHT, (after_key, limit)))

    def due(self, after_ms: int, until_ms: int, limit: int) -> list[tuple[int, int]]:
        """Return `(wake_ms, key)` of the open runs to wake after a time and up to another, the earliest first."""
        return self._all(DUE, (after_ms, until_ms, limit))

    def state(self, key: int, name: str) -> bytes | None:
        """Return one state of a run, encoded, or nothing when it was not set."""
        rows = self._all(STATE, (key, name))
        return rows[0][0] if rows else None

    def states(self, key: int) -> dict[str, bytes]:
        """Return all states of a run, encoded, by name."""
        return dict(self._all(STATES, (key,)))

    def attempts(self, key: int) -> dict[str, tuple[int, str, int]]:
        """Return the calls of a run that are being retried: count, what to show, next attempt's time, by path."""
        return {path: (count, error, next_ms) for path, count, error, next_ms in self._all(ATTEMPTS, (key,))}

    def failing(self, key: int) -> dict[str, Attempts]:
        """Return the calls of a run that are being retried with all that is kept of their attempts, by path."""
        return {path: Attempts(*row) for path, *row in self._all(FAILING, (key,))}

    def list_runs(
        self,
        *,
        workflow: str | None = None,
        status: int | None = None,
        limit: int,
        before_key: int | None = None,
    ) -> list[RunRow]:
        """Return runs, newest first, as one consistent picture.

        Args:
            workflow: only this workflow's.
            status: only those that stand so.
            limit: the most to return.
            before_key: only older ones: the key of the last row of the page before.
        """
        before = _AFTER_ALL_KEYS if before_key is None else before_key
        with self._snapshot():
            if workflow is None and status is None:
                keys = [key for (key,) in self._all(NEWEST, (before, limit))]
            else:
                # Each pair of workflow and status is one short walk down the index; no pair is ever searched through.
                walks = (
                    [key for (key,) in self._all(NEWEST_OF, (*pair, before, limit))]
                    for pair in self._pairs(workflow, status)
                )
                keys = heapq.nlargest(limit, (key for walk in walks for key in walk))
            return [row for key in keys if (row := self.row(key)) is not None]

    def count_runs(self, *, workflow: str | None = None) -> dict[int, int]:
        """Return how many runs stand in each status; statuses without one are missing. Reads the whole index."""
        counts: dict[int, int] = {}
        with self._snapshot():
            for pair in self._pairs(workflow, None):
                if count := self._all(COUNT, pair)[0][0]:
                    counts[pair[1]] = counts.get(pair[1], 0) + count
        return counts

    def last_seq(self, key: int) -> int:
        """Return the number of the last entry of a run."""
        return self._all(LAST_SEQ, (key,))[0][0] or 0

    def max_key(self) -> int:
        """Return the largest key of a run, 0 when there is none."""
        return self._all(MAX_KEY, ())[0][0] or 0

    def pending_requests(self, after_id: int) -> list[RequestRow]:
        """Return the requests with larger ids, in order, at most `MOST_REQUESTS`."""
        return [RequestRow(*row) for row in self._all(REQUESTS, (after_id, MOST_REQUESTS))]

    def select(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Return what a statement of a constant text reads, whole."""
        return self._all(sql, values)

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything that is read inside see the same picture; not one inside another."""
        return self._snapshot()

    def workflow_names(self) -> dict[int, str]:
        """Return the names of all workflows that have had runs, by their numbers."""
        self._load_names()
        return dict(self._names)

    def count_pair(self, workflow: int, status: int) -> int:
        """Return how many runs of a workflow stand so; reads their part of the index."""
        return self._all(COUNT, (workflow, status))[0][0]

    def changed(self) -> bool:
        """Tell whether anything was committed, by whomever, since this was last asked. Costs two microseconds."""
        version = self._data_version()
        changed = version != self._version
        self._version = version
        return changed

    def close(self) -> None:
        """Give the store back; harmless the second time. What was staged and not committed is forgotten."""
        self._reading.close()
        if self._writing is not None:
            self._writing.close()
        if self._ownership is not None:
            self._ownership.release()

    def number_of(self, workflow: str) -> int | None:
        """Return the number by which a workflow is known on disk; nothing before its first run."""
        if workflow not in self._numbers:
            self._load_names()
        return self._numbers.get(workflow)

    def name_of(self, number: int) -> str:
        """Return the name of a workflow that is known on disk."""
        if number not in self._names:
            self._load_names()
        return self._names[number]

    # --- within ------------------------------------------------------------------------------------------------------

    def _writer(self) -> sqlite3.Connection:
        assert self._writing is not None, "only the owner of a store writes it"
        return self._writing

    def _number(self, name: str) -> int:
        # What the writer has given is its own to know: readers see a name only once it is committed.
        number = self._given.get(name)
        if number is None:
            connection = self._writer()
            connection.execute("INSERT INTO workflows (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            number = connection.execute("SELECT id FROM workflows WHERE name = ?", (name,)).fetchone()[0]
            self._given[name] = number
        return number

    def _load_names(self) -> None:
        rows = self._all("SELECT id, name FROM workflows", ())
        self._names = dict(rows)
        self._numbers = {name: number for number, name in rows}

    def _pairs(self, workflow: str | None, status: int | None) -> list[tuple[int, int]]:
        self._load_names()
        numbers = list(self._names) if workflow is None else [self._numbers.get(workflow, 0)]
        statuses = list(RunStatus) if status is None else [status]
        return [(number, int(each)) for number in numbers for each in statuses]

    def _one(self, sql: str, values: tuple[object, ...]) -> RunRow | None:
        rows = self._runs(self._all(sql, values))
        return rows[0] if rows else None

    def _runs(self, rows: list[Any]) -> list[RunRow]:
        if any(row[1] not in self._names for row in rows):
            self._load_names()
        return [RunRow(row[0], self._names[row[1]], *row[2:]) for row in rows]

    def _all(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        # Always to the end: a cursor left open would hold its snapshot, and the log could not be reused.
        with schema.mapped(self.path, doing="read"):
            return self._reading.execute(sql, values).fetchall()

    def _data_version(self) -> int:
        return self._all("PRAGMA data_version", ())[0][0]

    @contextmanager
    def _snapshot(self) -> Generator[None]:
        self._reading.execute("BEGIN")
        try:
            yield
        finally:
            self._reading.execute("COMMIT")
