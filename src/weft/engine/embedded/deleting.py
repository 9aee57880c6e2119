"""What deletes a run: the statements, each bounded, and the queries for what is left to do."""

from __future__ import annotations

from weft.engine.embedded.batch import Batch
from weft.engine.embedded.rows import RunRow
from weft.engine.embedded.statements import Statement

RUN_GONE = Statement("DELETE FROM runs WHERE status >= 4 AND key IN (SELECT column1 FROM", 1, ")")
# What follows is about runs that are gone only: one that was not closed any more is whole.
_AND_IS_GONE = ") AND NOT EXISTS (SELECT 1 FROM runs WHERE key = run)"
STATES_GONE = Statement("DELETE FROM states WHERE run IN (SELECT column1 FROM", 1, _AND_IS_GONE)
ATTEMPTS_GONE = Statement("DELETE FROM attempts WHERE run IN (SELECT column1 FROM", 1, _AND_IS_GONE)
ATTRIBUTES_GONE = Statement("DELETE FROM attributes WHERE run IN (SELECT column1 FROM", 1, _AND_IS_GONE)
DELETED = Statement(
    "INSERT INTO deletions (run, chain, closed_ms) SELECT * FROM",
    3,
    "WHERE column1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE key = column1) ON CONFLICT DO NOTHING",
)
JOURNAL_GONE = Statement("DELETE FROM journal WHERE rowid IN (SELECT column1 FROM", 1, ")")
PURGED = Statement("UPDATE deletions SET purged = 1 WHERE run IN (SELECT column1 FROM", 1, ")")
DONE = Statement("DELETE FROM deletions WHERE run IN (SELECT column1 FROM", 1, ")")
FORGOTTEN = Statement(
    "INSERT INTO forgotten (workflow, ended_ms, run) SELECT * FROM",
    3,
    "WHERE column1 IS NOT NULL ON CONFLICT (workflow) DO UPDATE SET ended_ms = excluded.ended_ms, run = excluded.run",
)

UNPURGED = "SELECT run FROM deletions WHERE purged = 0 AND run > 0 ORDER BY run LIMIT ?"
ENTRIES_LEFT = "SELECT rowid FROM journal INDEXED BY journal_run WHERE run = ? LIMIT ?"
UNFORGOTTEN = "SELECT run, chain FROM deletions WHERE purged = 1 AND closed_ms <= ? ORDER BY closed_ms LIMIT ?"
EXPIRED = (
    "SELECT key, chain, ended_ms FROM runs INDEXED BY runs_ended "
    "WHERE workflow = ? AND ended_ms IS NOT NULL AND ended_ms <= ? ORDER BY ended_ms LIMIT ?"
)
KEPT = (
    "SELECT key, chain, ended_ms FROM runs INDEXED BY runs_ended "
    "WHERE workflow = ? AND ended_ms IS NOT NULL AND ended_ms >= ? AND ended_ms <= ? "
    "AND (ended_ms > ? OR key > ?) ORDER BY ended_ms, key LIMIT ?"
)
FORGOTTEN_UP_TO = "SELECT ended_ms, run FROM forgotten WHERE workflow = ?"


def delete(batch: Batch, rows: list[tuple[int, str, int]]) -> None:
    """Write down that runs are gone: key, chain, and when they ended. Their journals go later, in parts."""
    for statement in (RUN_GONE, STATES_GONE, ATTEMPTS_GONE, ATTRIBUTES_GONE):
        batch.also.setdefault(statement, []).extend((key,) for key, _, _ in rows)
    batch.also.setdefault(DELETED, []).extend(rows)


def deleted(row: RunRow) -> tuple[int, str, int]:
    """Return what is kept of a run that is deleted, until nothing is left of it."""
    return (row.key, row.chain, row.ended_ms or row.created_ms)
