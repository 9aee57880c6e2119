"""Nothing that an engine or a person asks of a store reads more than it returns, however many runs have ended."""

from pathlib import Path

import pytest

from tests.engine.embedded.stores import COMPLETED, owned, with_runs
from weft.engine.embedded import batch, deleting, queue_rows, store
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.schedules import table
from weft.engine.embedded.statements import Statement, text

QUERIES = {
    "find": (store.FIND, "runs USING INDEX runs_id"),
    "find all": (text(store.FIND_ALL, 4), "runs USING INDEX runs_id"),
    "row": (store.ROW, "runs USING INTEGER PRIMARY KEY"),
    "journal": (store.JOURNAL, "journal USING INDEX journal_run"),
    "last seq": (store.LAST_SEQ, "journal USING COVERING INDEX journal_run"),
    "last start": (store.LAST_START, "journal USING INDEX journal_run"),
    "in flight": (store.IN_FLIGHT, "runs USING INDEX runs_wake"),
    "due": (store.DUE, "runs USING COVERING INDEX runs_wake"),
    "state": (store.STATE, "states USING PRIMARY KEY"),
    "states": (store.STATES, "states USING PRIMARY KEY"),
    "attempts": (store.ATTEMPTS, "attempts USING PRIMARY KEY"),
    "failing": (store.FAILING, "attempts USING PRIMARY KEY"),
    "newest": (store.NEWEST, "runs USING INTEGER PRIMARY KEY"),
    "newest of a workflow": (store.NEWEST_OF, "runs USING COVERING INDEX runs_status"),
    "count": (store.COUNT, "runs USING COVERING INDEX runs_status"),
    "largest key": (store.MAX_KEY, "runs"),
    "expired": (deleting.EXPIRED, "runs USING INDEX runs_ended (workflow=? AND ended_ms>? AND ended_ms<?)"),
    "kept": (deleting.KEPT, "runs USING INDEX runs_ended (workflow=? AND ended_ms>? AND ended_ms<?)"),
    "unpurged": (deleting.UNPURGED, "deletions USING INDEX deletions_journal"),
    "unforgotten": (deleting.UNFORGOTTEN, "deletions USING INDEX deletions_closed (closed_ms<?)"),
    "entries left": (deleting.ENTRIES_LEFT, "journal USING COVERING INDEX journal_run (run=?)"),
    "forgotten up to": (deleting.FORGOTTEN_UP_TO, "forgotten USING INTEGER PRIMARY KEY"),
    "run gone": (text(deleting.RUN_GONE, 4), "runs USING INTEGER PRIMARY KEY"),
    "journal gone": (text(deleting.JOURNAL_GONE, 4), "journal USING INTEGER PRIMARY KEY"),
    "states gone": (text(deleting.STATES_GONE, 4), "states USING PRIMARY KEY"),
    "attributes gone": (text(deleting.ATTRIBUTES_GONE, 4), "attributes USING PRIMARY KEY"),
    "requests": (store.REQUESTS, "requests USING INTEGER PRIMARY KEY"),
    "update": (text(batch.UPDATES, 4), "runs USING INTEGER PRIMARY KEY"),
    "generations": (text(batch.GENERATIONS, 4), "runs USING INTEGER PRIMARY KEY"),
    "answers": (text(batch.ANSWERS, 4), "journal USING INDEX journal_run"),
    "attempts over": (text(batch.ATTEMPTS_OVER, 4), "attempts USING PRIMARY KEY"),
    "queued": (queue_rows.QUEUED, "queue USING INTEGER PRIMARY KEY"),
    "limit of a workflow": (queue_rows.LIMIT_OF, "limits USING INTEGER PRIMARY KEY"),
    "placed": (queue_rows.PLACED, "queue USING INDEX queue_placed"),
    "next workflow with places": (queue_rows.NEXT_PLACED, "queue USING INDEX queue_placed"),
    "next workflow with lines": (queue_rows.NEXT_LINED, "lines USING COVERING INDEX lines_of"),
    "any line": (queue_rows.ANY_LINE, "lines USING COVERING INDEX lines_of"),
    "last ticket": (queue_rows.LAST_TICKET, "lines"),
    "next priority": (queue_rows.PRIORITY, "lines USING INDEX lines_next"),
    "next lines": (queue_rows.LINES, "lines USING INDEX lines_next"),
    "waiting in a line": (queue_rows.WAITING, "queue USING INDEX queue_waiting"),
    "stands": (text(queue_rows.STANDS, 4), "queue USING INTEGER PRIMARY KEY"),
    "queue over": (text(queue_rows.OVER, 4), "queue USING INTEGER PRIMARY KEY"),
    "told": (text(queue_rows.TOLD, 4), "journal USING INDEX journal_run"),
    "served": (text(queue_rows.SERVED, 4), "lines USING COVERING INDEX lines_of"),
    "left": (text(queue_rows.LEFT, 4), "queue USING INDEX queue_waiting"),
    "full": (text(queue_rows.FULL, 4), "lines USING COVERING INDEX lines_of"),
    "adopted": (queue_rows.ADOPT, "runs USING COVERING INDEX runs_status"),
    "released": (queue_rows.RELEASE, "queue USING INDEX queue_placed"),
    "recounted": (queue_rows.RECOUNT, "lines USING INDEX lines_of"),
    "schedule": (table.FIND, "schedules USING INDEX sqlite_autoindex_schedules_1"),
    "schedules behind one": (table.LIST, "schedules USING INDEX sqlite_autoindex_schedules_1"),
    "next schedules": (table.NEXT, "schedules USING INDEX schedules_next"),
    "schedules to look at": (table.LOOK, "schedules USING INDEX schedules_look"),
    "declared schedules": (table.DECLARED, "schedules USING INDEX schedules_declared"),
    "schedules over": (text(batch.SCHEDULES_OVER, 4), "schedules USING INDEX sqlite_autoindex_schedules_1"),
    "requests done": (text(batch.REQUESTS_DONE, 4), "requests USING INTEGER PRIMARY KEY"),
}
TABLES = ("runs", "journal", "states", "attempts", "requests", "queue", "lines", "schedules")


def plan(opened: store.Store, sql: str) -> list[str]:
    """Return how SQLite would find the rows, one step a line."""
    values = (None,) * sql.count("?")
    return [row[3] for row in opened._reading.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("name", QUERIES)
def test_query_is_a_search(tmp_path: Path, name: str) -> None:
    """Each statement goes straight to its rows by an index: it neither scans a table nor sorts."""
    sql, path = QUERIES[name]
    with owned(tmp_path / "shop.db") as opened:
        steps = plan(opened, sql)

    assert any(f"SEARCH {path}" in step for step in steps), steps
    assert not [step for step in steps for table in TABLES if step.startswith(f"SCAN {table}")]
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_every_query_of_schedules_has_a_plan_that_is_tested() -> None:
    """A statement that is added to the schedules is added to the list above."""
    assert set(table.QUERIES) <= {sql for sql, _ in QUERIES.values()}


def test_every_query_has_a_plan_that_is_tested() -> None:
    """A statement that is added to the store is added to the list above."""
    said = {
        f"{module.__name__}.{name}": said
        for module in (store, queue_rows)
        for name, said in vars(module).items()
        if name.isupper() and not name.startswith("_") and name not in {"LIMITS", "TABLES"}  # read whole, and made
    }
    written = {text(each, 4) if isinstance(each, Statement) else each for each in said.values()}

    read = {each for each in written if "SELECT" in str(each) and "INSERT" not in str(each)}
    assert read <= {sql for sql, _ in QUERIES.values()}


def test_finished_runs_leave_the_index_of_sleepers(tmp_path: Path) -> None:
    """What an engine reads when it starts holds open runs only."""
    ended = (COMPLETED, None, 1, "", None)
    with owned(tmp_path / "shop.db") as opened:
        opened.write(with_runs(*range(1, 501)))
        opened.write(Batch(updates=dict.fromkeys(range(1, 500), ended)))

        counted = opened._reading.execute(
            "SELECT count(*) FROM runs INDEXED BY runs_wake WHERE wake_ms IS NOT NULL"
        ).fetchone()

    assert counted == (1,)
