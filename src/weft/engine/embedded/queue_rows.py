"""What is on disk of runs that wait for their turn: a row for each run, and one for each line that they stand in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, TypeAlias

from weft.engine.embedded.statements import Statement, execute
from weft.model.queueing import NO_LIMIT, AtOnce

# queue: a row for each open run that has a key, or whose workflow has a limit, or that begins later; never for others.
# lines: those that wait, by workflow, key and priority. Tickets grow: the line with the smallest goes first, and gets a
# new one behind all others when one of it has gone. Lines of keys that have all their places are `full` and not in
# `lines_next`, so that what may begin next is always at the head of an index, however many wait.
# limits: what the code said when an engine last opened the store.
TABLES = """
CREATE TABLE queue (
    run INTEGER PRIMARY KEY, workflow INTEGER NOT NULL, key TEXT NOT NULL, priority INTEGER NOT NULL,
    state INTEGER NOT NULL
) STRICT;
CREATE INDEX queue_waiting ON queue (workflow, key, priority) WHERE state = 1;
CREATE INDEX queue_placed ON queue (workflow, key) WHERE state = 2;
CREATE TABLE lines (
    ticket INTEGER PRIMARY KEY, workflow INTEGER NOT NULL, key TEXT NOT NULL, priority INTEGER NOT NULL,
    full INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX lines_of ON lines (workflow, key, priority);
CREATE INDEX lines_next ON lines (workflow, priority, ticket) WHERE full = 0;
CREATE TABLE limits (workflow INTEGER PRIMARY KEY, at_once INTEGER, at_once_per_key INTEGER) STRICT;
"""

Line: TypeAlias = tuple[str, str, int]
"""workflow, key, priority"""


class Stand(IntEnum):
    """Where a run of the queue stands. The numbers are on disk."""

    LATER = 0
    WAITING = 1
    PLACED = 2


class Queued(NamedTuple):
    """A run's row in the queue."""

    key: str
    priority: int
    stand: Stand


@dataclass(slots=True)
class QueueChanges:
    """What one commit writes about the queue.

    Attributes:
        limits: of workflows, where they have changed.
        rows: new rows: run, workflow, key, priority, stand.
        stands: by run; applied after `rows`.
        over: runs that need no row any more; applied after `stands`.
        told: when entries were told that had waited with their run, by run and seq.
        joined: lines that somebody joined, with the ticket of one that was not there.
        served: new tickets of lines of which one has gone to work.
        left: lines that somebody left; those where nobody is left go.
        full: whether a workflow's key has all its places; the last word counts.
        gone: runs that wait no more, whatever can be read of them until this is committed.
    """

    limits: dict[str, AtOnce] = field(default_factory=dict[str, AtOnce])
    rows: list[tuple[int, str, str, int, int]] = field(default_factory=list[tuple[int, str, str, int, int]])
    stands: dict[int, int] = field(default_factory=dict[int, int])
    over: list[int] = field(default_factory=list[int])
    told: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    joined: dict[Line, int] = field(default_factory=dict[Line, int])
    served: dict[Line, int] = field(default_factory=dict[Line, int])
    left: set[Line] = field(default_factory=set[Line])
    full: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    gone: set[int] = field(default_factory=set[int])

    @property
    def size(self) -> int:
        """Return how many rows it writes, about."""
        return len(self.rows) + len(self.stands) + len(self.over) + len(self.told) + len(self.joined) + len(self.served)


_PADDED = "WHERE column1 IS NOT NULL"
ROWS = Statement("INSERT INTO queue (run, workflow, key, priority, state) SELECT * FROM", 5, _PADDED)
STANDS = Statement("UPDATE queue SET state = column2 FROM", 2, "WHERE queue.run = column1")
OVER = Statement("DELETE FROM queue WHERE run IN (SELECT column1 FROM", 1, ")")
# Only of entries that nobody has been told: what was told has its time for good.
TOLD = Statement(
    "UPDATE journal SET at_ms = column3 FROM",
    3,
    "WHERE journal.run = column1 AND journal.seq = column2 AND journal.commands = x''",
)
_THE_LINE = "lines.workflow = column1 AND lines.key = column2 AND lines.priority = column3"
JOINED = Statement(
    "INSERT INTO lines (workflow, key, priority, ticket, full) SELECT *, 0 FROM",
    4,
    f"{_PADDED} ON CONFLICT (workflow, key, priority) DO NOTHING",
)
SERVED = Statement("UPDATE lines SET ticket = column4 FROM", 4, f"WHERE {_THE_LINE}")
LEFT = Statement(
    "DELETE FROM lines WHERE ticket IN (SELECT ticket FROM",
    3,
    f"CROSS JOIN lines ON {_THE_LINE} WHERE NOT EXISTS (SELECT 1 FROM queue WHERE queue.workflow = column1 "  # noqa: S608 - nothing from outside is in it
    "AND queue.key = column2 AND queue.priority = column3 AND queue.state = 1))",
)
FULL = Statement("UPDATE lines SET full = column3 FROM", 3, "WHERE lines.workflow = column1 AND lines.key = column2")

LIMIT = (
    "INSERT INTO limits (workflow, at_once, at_once_per_key) VALUES (?, ?, ?) ON CONFLICT (workflow) "
    "DO UPDATE SET at_once = excluded.at_once, at_once_per_key = excluded.at_once_per_key"
)
# Runs that began before there was a limit have a place now; without a limit only keys are worth a row.
ADOPT = (
    "INSERT INTO queue SELECT key, workflow, '', 0, 2 FROM runs WHERE workflow = ? AND status IN (0, 1, 2, 3) "
    "AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.run = runs.key)"
)
RELEASE = "DELETE FROM queue WHERE workflow = ? AND state = 2 AND key = ''"
RECOUNT = (
    "UPDATE lines SET full = key != '' AND ifnull(? <= (SELECT count(*) FROM queue WHERE queue.workflow = "
    "lines.workflow AND queue.key = lines.key AND queue.state = 2), 0) WHERE workflow = ?"
)


def stage(connection: sqlite3.Connection, changes: QueueChanges, number_of: Callable[[str], int]) -> None:
    """Execute all changes inside the transaction that is open; new runs and their entries are there already.

    Args:
        connection: where a transaction is open.
        changes: what to write.
        number_of: gives the number by which a workflow's name is known on disk.
    """
    for workflow, limits in changes.limits.items():
        _limit(connection, number_of(workflow), limits)
    if changes.rows:
        execute(connection, ROWS, [(run, number_of(name), *rest) for run, name, *rest in changes.rows])
    if changes.stands:
        execute(connection, STANDS, list(changes.stands.items()))
    if changes.over:
        execute(connection, OVER, [(run,) for run in changes.over])
    if changes.told:
        execute(connection, TOLD, [(*entry, at_ms) for entry, at_ms in changes.told.items()])
    for statement, lines in ((JOINED, changes.joined), (SERVED, changes.served)):
        if lines:
            rows = [(number_of(name), key, priority, ticket) for (name, key, priority), ticket in lines.items()]
            execute(connection, statement, rows)
    if changes.left:
        execute(connection, LEFT, [(number_of(name), key, priority) for name, key, priority in changes.left])
    if changes.full:
        execute(connection, FULL, [(number_of(name), key, full) for (name, key), full in changes.full.items()])


def _limit(connection: sqlite3.Connection, workflow: int, limits: AtOnce) -> None:
    connection.execute(LIMIT, (workflow, *limits))
    connection.execute(ADOPT if limits else RELEASE, (workflow,))
    connection.execute(RECOUNT, (limits.each_key, workflow))


QUEUED = "SELECT key, priority, state FROM queue WHERE run = ?"
LIMITS = "SELECT workflow, at_once, at_once_per_key FROM limits"
LIMIT_OF = "SELECT at_once, at_once_per_key FROM limits WHERE workflow = ?"
PLACED = "SELECT key, count(*) FROM queue WHERE workflow = ? AND state = 2 GROUP BY key"
NEXT_PLACED = "SELECT min(workflow) FROM queue WHERE state = 2 AND workflow > ?"
NEXT_LINED = "SELECT min(workflow) FROM lines WHERE workflow > ?"
ANY_LINE = "SELECT ticket FROM lines WHERE workflow = ? LIMIT 1"
LAST_TICKET = "SELECT max(ticket) FROM lines"
PRIORITY = "SELECT max(priority) FROM lines WHERE workflow = ? AND full = 0 AND priority < ?"
LINES = "SELECT ticket, key FROM lines WHERE workflow = ? AND full = 0 AND priority = ? ORDER BY ticket LIMIT ?"
WAITING = (
    "SELECT run FROM queue WHERE workflow = ? AND key = ? AND priority = ? AND state = 1 AND run > ? "
    "ORDER BY run LIMIT ?"
)


class Rows(Protocol):
    """Where a committed store is read."""

    def select(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Return what a statement of a constant text reads, whole."""
        ...

    def number_of(self, workflow: str) -> int | None:
        """Return the number by which a workflow is known on disk, if it is."""
        ...

    def name_of(self, number: int) -> str:
        """Return the name of a workflow that is known on disk."""
        ...


def queued(rows: Rows, run: int) -> Queued | None:
    """Return a run's row, if it has one."""
    for key, priority, stand in rows.select(QUEUED, (run,)):
        return Queued(str(key), _whole(priority), Stand(_whole(stand)))
    return None


def limits(rows: Rows) -> dict[str, AtOnce]:
    """Return what was last declared, by workflow; without those that have no limit."""
    found = {
        rows.name_of(_whole(number)): AtOnce(_maybe(total), _maybe(each_key))
        for number, total, each_key in rows.select(LIMITS, ())
    }
    return {name: each for name, each in found.items() if each}


def limit_of(rows: Rows, workflow: str) -> AtOnce:
    """Return what was last declared of a workflow."""
    for total, each_key in rows.select(LIMIT_OF, (rows.number_of(workflow),)):
        return AtOnce(_maybe(total), _maybe(each_key))
    return NO_LIMIT


def placed(rows: Rows, workflow: str) -> dict[str, int]:
    """Return how many runs of a workflow have their place, by key."""
    return {str(key): _whole(count) for key, count in rows.select(PLACED, (rows.number_of(workflow),))}


def with_places(rows: Rows) -> set[str]:
    """Return the workflows of which a run has a row with its place."""
    return _names(rows, NEXT_PLACED)


def with_lines(rows: Rows) -> set[str]:
    """Return the workflows of which somebody waits."""
    return _names(rows, NEXT_LINED)


def has_lines(rows: Rows, workflow: str) -> bool:
    """Tell whether a run of a workflow waits."""
    return bool(rows.select(ANY_LINE, (rows.number_of(workflow),)))


def last_ticket(rows: Rows) -> int:
    """Return the largest ticket, 0 without lines."""
    return _maybe(rows.select(LAST_TICKET, ())[0][0]) or 0


def next_priority(rows: Rows, workflow: str, below: int) -> int | None:
    """Return the highest priority of those who wait and whose key has room, below another one."""
    return _maybe(rows.select(PRIORITY, (rows.number_of(workflow), below))[0][0])


def lines(rows: Rows, workflow: str, priority: int, *, limit: int) -> list[tuple[int, str]]:
    """Return ticket and key of the lines whose turn is next."""
    found = rows.select(LINES, (rows.number_of(workflow), priority, limit))
    return [(_whole(ticket), str(key)) for ticket, key in found]


def waiting(rows: Rows, line: Line, *, after: int, limit: int) -> list[int]:
    """Return the runs of a line, the longest waiting first, behind one of them."""
    workflow, key, priority = line
    return [_whole(run) for (run,) in rows.select(WAITING, (rows.number_of(workflow), key, priority, after, limit))]


def _names(rows: Rows, sql: str) -> set[str]:
    names: set[str] = set()
    number = _maybe(rows.select(sql, (0,))[0][0])
    while number is not None:
        names.add(rows.name_of(number))
        number = _maybe(rows.select(sql, (number,))[0][0])
    return names


def _whole(value: object) -> int:
    assert isinstance(value, int), "the tables are strict"
    return value


def _maybe(value: object) -> int | None:
    return None if value is None else _whole(value)


def unlike(code: Mapping[str, AtOnce], stored: Mapping[str, AtOnce]) -> dict[str, AtOnce]:
    """Return the limits of the code that differ from those that are stored."""
    return {name: each for name, each in code.items() if each != stored.get(name, NO_LIMIT)}
