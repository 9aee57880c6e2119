"""A look at a whole store: SQLite's own checks, what must hold between our tables, and every open run replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from weft.engine.embedded.epochs import effective, resets_in
from weft.engine.embedded.rehearsal import Rehearser
from weft.engine.embedded.rows import RunRow
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import decode_commands
from weft.engine.execution.entries import decode_entry
from weft.engine.execution.execution import Identity
from weft.errors import EntryCorrupt, WeftError
from weft.model.run import RunStatus

AT_ONCE = 500
"""Runs read from the store at once."""

MOST_PROBLEMS = 100
"""Findings of one kind that are told; more of them say nothing new."""

LAWS = {
    "a journal has no run": "SELECT DISTINCT run FROM journal WHERE NOT EXISTS (SELECT 1 FROM runs WHERE key = run)",
    "a state has no run": "SELECT DISTINCT run FROM states WHERE NOT EXISTS (SELECT 1 FROM runs WHERE key = run)",
    "attempts have no run": "SELECT DISTINCT run FROM attempts WHERE NOT EXISTS (SELECT 1 FROM runs WHERE key = run)",
    "a run has no start": ("SELECT key FROM runs WHERE NOT EXISTS (SELECT 1 FROM journal WHERE run = key AND seq = 0)"),
    "a run has no workflow": "SELECT key FROM runs WHERE workflow NOT IN (SELECT id FROM workflows)",
    "entries are missing": "SELECT run FROM journal GROUP BY run HAVING count(*) <> max(seq) + 1",
    "an ended run would be woken": "SELECT key FROM runs WHERE status >= 4 AND wake_ms IS NOT NULL",
    "an ended run has no time of its end": "SELECT key FROM runs WHERE (status >= 4) <> (ended_ms IS NOT NULL)",
    "an ended run is still retried": (
        "SELECT DISTINCT run FROM attempts WHERE EXISTS (SELECT 1 FROM runs WHERE key = run AND status >= 4)"
    ),
}
"""What must hold in every store, each with a query for the runs in which it does not."""


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        check: integrity, law, journal or replay.
        run: `workflow/id`, or the key of a run that is not there; empty where it concerns the file.
        what: what is wrong, with both lines where code parts from a journal.
        code: of the error; empty where there is none.
    """

    check: str
    run: str
    what: str
    code: str = ""


Told = Callable[[int, int], None]
"""Is told how many open runs of how many are looked at."""


def inspect(store: Store, rehearser: Rehearser | None, *, told: Told) -> Iterator[Finding]:
    """Yield what is wrong with a store; beside a running engine, whose runs go on meanwhile.

    Args:
        store: opened by anybody.
        rehearser: today's code; nothing to look at the journals of open runs only.
        told: is told how far it is.

    Raises:
        StoreFailed: the file cannot be read at all.
    """
    for (text,) in store.select(f"PRAGMA integrity_check({MOST_PROBLEMS})"):
        if text != "ok":
            yield Finding("integrity", "", text)
    for law, query in LAWS.items():
        with store.snapshot():
            keys = [key for (key,) in store.select(f"{query} LIMIT {MOST_PROBLEMS}")]
            rows = {key: store.row(key) for key in keys}
        for key, row in rows.items():
            yield Finding("law", f"run {key}" if row is None else _name(row), law)
    total = sum(count for status, count in store.count_runs().items() if RunStatus(status).is_open)
    for number, row in enumerate(_open_runs(store), 1):
        found = _look(store, row, rehearser)
        if found is not None:
            yield found
        told(number, max(total, number))


def _open_runs(store: Store) -> Iterator[RunRow]:
    for status in RunStatus:
        before: int | None = None
        while status.is_open:
            rows = store.list_runs(status=status, limit=AT_ONCE, before_key=before)
            yield from rows
            if len(rows) < AT_ONCE:
                break
            before = rows[-1].key


def _look(store: Store, row: RunRow, rehearser: Rehearser | None) -> Finding | None:
    try:
        # In one snapshot: a run that is reset or goes on as a new generation meanwhile is seen before or after that.
        with store.snapshot():
            now = store.row(row.key)
            if now is None or not RunStatus(now.status).is_open:
                return None
            rows = store.journal(row.key, generation=now.generation)
        if rehearser is None:
            for each in rows:
                decode_entry(each.entry)
                if each.commands:
                    decode_commands(each.commands)
            effective(rows)
        if resets_in(rows) > now.epoch:
            return Finding("law", _name(row), "a run was reset more often than it has epochs")
    except EntryCorrupt as error:
        return Finding("journal", _name(row), str(error), error.code)
    if rehearser is None:
        return None
    identity = Identity(now.workflow, now.run_id, now.chain, now.generation, now.epoch)
    error: WeftError | None = rehearser.rehearse(identity, rows).error
    return None if error is None else Finding("replay", _name(row), str(error), error.code)


def _name(row: RunRow) -> str:
    return f"{row.workflow}/{row.run_id}"
