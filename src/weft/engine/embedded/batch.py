"""What one commit writes, and the statements that write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from weft.engine.embedded import queue_rows
from weft.engine.embedded.queue_rows import QueueChanges
from weft.engine.embedded.statements import Statement, execute
from weft.model.attribute import Attributed

NewRun: TypeAlias = tuple[int, str, str, str, int, int, str, int, int, int | None]
"""key, workflow, run id, chain, generation, epoch, tenant, status, created_ms, wake_ms"""

NewEntry: TypeAlias = tuple[int, int, int, bytes | bytearray, bytes | bytearray]
"""run's key, seq, at_ms, entry, commands; a bytearray is bound without being asked whether it can be adapted"""

RunUpdate: TypeAlias = tuple[int, int | None, int | None, str, bytes | None]
"""status, wake_ms, ended_ms, reason, result"""


class Attempts(NamedTuple):
    """What is kept of a call that is tried again.

    Attributes:
        made: attempts that there were.
        error: text of the last failure.
        next_ms: when the next one is due, in milliseconds since 1970.
        failures: how many of them failed, and `equal` how many of the last ones alike.
        attention: why people should look; empty if they need not.
    """

    made: int
    error: str
    next_ms: int
    failures: int = 0
    equal: int = 0
    attention: str = ""


ScheduleRow: TypeAlias = tuple[bytes, bytes, int | None, int, int]
"""spec, state, next_ms, look, declared"""


@dataclass(slots=True)
class Batch:
    """Everything that became ready, over all runs: one transaction.

    Attributes:
        runs: new runs.
        entries: new entries of journals; a run's seqs are without a gap.
        answers: commands of entries that were written with empty ones, because a blocked run was told them only now;
            by run's key and seq.
        updates: by run's key, applied after `runs`; the last one wins.
        generations: numbers of those that began, by run's key, applied after `runs`.
        states: by run's key and state's name.
        attempts: by run's key and call's path; nothing deletes. Status for people, never history.
        attempts_over: keys of runs of whose calls no attempts are kept any more.
        attributes: by run's key and attribute's name, the last one wins; without values it is taken away.
        also: rows of other statements, executed last, in the order in which they were first named.
        requests_done: ids of requests that are entries now, and go in the same transaction.
        queue: what changes for runs that wait for their turn.
        schedules: by id; nothing deletes.
    """

    runs: list[NewRun] = field(default_factory=list[NewRun])
    entries: list[NewEntry] = field(default_factory=list[NewEntry])
    answers: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    updates: dict[int, RunUpdate] = field(default_factory=dict[int, RunUpdate])
    generations: dict[int, int] = field(default_factory=dict[int, int])
    states: dict[tuple[int, str], bytes] = field(default_factory=dict[tuple[int, str], bytes])
    attempts: dict[tuple[int, str], Attempts | None] = field(default_factory=dict[tuple[int, str], Attempts | None])
    attempts_over: list[int] = field(default_factory=list[int])
    requests_done: list[int] = field(default_factory=list[int])
    schedules: dict[str, ScheduleRow | None] | None = None
    attributes: dict[tuple[int, str], Attributed] = field(default_factory=dict[tuple[int, str], Attributed])
    also: dict[Statement, list[tuple[object, ...]]] = field(default_factory=dict[Statement, list[tuple[object, ...]]])
    queue: QueueChanges | None = None

    @property
    def size(self) -> int:
        """Return how many rows it writes."""
        return (
            len(self.runs)
            + len(self.entries)
            + len(self.answers)
            + len(self.updates)
            + len(self.generations)
            + len(self.states)
            + len(self.attempts)
            + len(self.attempts_over)
            + len(self.requests_done)
            + len(self.schedules or ())
            + len(self.attributes)
            + sum(map(len, self.also.values()))
            + (0 if self.queue is None else self.queue.size)
        )

    def __bool__(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(
            self.entries
            or self.updates
            or self.runs
            or self.generations
            or self.states
            or self.attempts
            or self.attempts_over
            or self.requests_done
            or self.schedules
            or self.answers
            or self.attributes
            or self.also
            or self.queue is not None
        )


_PADDED = "WHERE column1 IS NOT NULL"
# Of every run, and so padded with zeros, which are bound five times as fast as nulls; keys of runs begin with 1.
_HAS_KEY = "WHERE column1 > 0"
RUNS = Statement(
    "INSERT INTO runs (key, workflow, run_id, chain, generation, epoch, tenant, status, created_ms, wake_ms) "
    "SELECT * FROM",
    10,
    _HAS_KEY,
    padding=0,
)
ENTRIES = Statement("INSERT INTO journal (run, seq, at_ms, entry, commands) SELECT * FROM", 5, _HAS_KEY, padding=0)
# Nothing in a journal is ever overwritten: of an entry that has its commands this makes a null, which is refused.
ANSWERS = Statement(
    "UPDATE journal SET commands = CASE WHEN commands = x'' THEN column3 END FROM",
    3,
    "WHERE journal.run = column1 AND journal.seq = column2",
)
UPDATES = Statement(
    "UPDATE runs SET status = column2, wake_ms = CASE WHEN column2 < 4 THEN column3 END, ended_ms = column4, "
    "reason = column5, result = column6 FROM",
    6,
    "WHERE runs.key = column1",
    padding=0,
)
GENERATIONS = Statement("UPDATE runs SET generation = column2 FROM", 2, "WHERE runs.key = column1")
STATES = Statement(
    "INSERT INTO states (run, name, value) SELECT * FROM",
    3,
    f"{_PADDED} ON CONFLICT (run, name) DO UPDATE SET value = excluded.value",
)
ATTEMPTS = Statement(
    "INSERT INTO attempts (run, path, count, error, next_ms, failures, equal, attention) SELECT * FROM",
    8,
    f"{_PADDED} ON CONFLICT (run, path) DO UPDATE "
    "SET count = excluded.count, error = excluded.error, next_ms = excluded.next_ms, "
    "failures = excluded.failures, equal = excluded.equal, attention = excluded.attention",
)
ATTEMPTS_OVER = Statement("DELETE FROM attempts WHERE (run, path) IN (SELECT column1, column2 FROM", 2, ")")
ATTEMPTS_OF = Statement("DELETE FROM attempts WHERE run IN (SELECT column1 FROM", 1, ")")
ATTRIBUTE_NAMES = Statement(
    "INSERT INTO attribute_names (name, kind) SELECT * FROM", 2, f"{_PADDED} ON CONFLICT (name, kind) DO NOTHING"
)
# By name: of another kind it has another number.
ATTRIBUTES_GONE = Statement(
    "DELETE FROM attributes WHERE (run, name) IN (SELECT column1, n.id FROM",
    2,
    "CROSS JOIN attribute_names AS n ON n.name = column2)",
)
ATTRIBUTES = Statement(
    "INSERT INTO attributes (run, name, value) SELECT column1, n.id, column4 FROM",
    4,
    "CROSS JOIN attribute_names AS n ON n.name = column2 AND n.kind = column3",
)
AGES = Statement("INSERT INTO ages (block, oldest_ms, newest_ms) SELECT * FROM", 3, _PADDED)
SCHEDULES = Statement(
    "INSERT INTO schedules (id, spec, state, next_ms, look, declared) SELECT * FROM",
    6,
    f"{_PADDED} ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, state = excluded.state, "
    "next_ms = excluded.next_ms, look = excluded.look, declared = excluded.declared",
)
SCHEDULES_OVER = Statement("DELETE FROM schedules WHERE id IN (SELECT column1 FROM", 1, ")")
REQUESTS_DONE = Statement("DELETE FROM requests WHERE id IN (SELECT column1 FROM", 1, ")")


def stage(connection: sqlite3.Connection, batch: Batch, number_of: Callable[[str], int]) -> None:
    """Execute all of a batch inside the transaction that is open on the connection.

    Args:
        connection: where a transaction is open.
        batch: what to write.
        number_of: gives the number by which a workflow's name is known on disk.
    """
    if batch.runs:
        execute(connection, RUNS, [(key, number_of(name), *rest) for key, name, *rest in batch.runs])
    if batch.entries:
        execute(connection, ENTRIES, batch.entries)
    if batch.queue is not None:
        queue_rows.stage(connection, batch.queue, number_of)
    if batch.answers:
        execute(connection, ANSWERS, [(*key, commands) for key, commands in batch.answers.items()])
    if batch.updates:
        execute(connection, UPDATES, [(key, *values) for key, values in batch.updates.items()])
    if batch.generations:
        execute(connection, GENERATIONS, list(batch.generations.items()))
    if batch.states:
        execute(connection, STATES, [(*key, value) for key, value in batch.states.items()])
    if batch.attempts:
        known = [(*key, *value) for key, value in batch.attempts.items() if value is not None]
        over = [key for key, value in batch.attempts.items() if value is None]
        execute(connection, ATTEMPTS, known)
        execute(connection, ATTEMPTS_OVER, over)
    if batch.attempts_over:
        execute(connection, ATTEMPTS_OF, [(run,) for run in batch.attempts_over])
    if batch.attributes:
        _stage_attributes(connection, batch.attributes)
    if batch.schedules:
        there = [(name, *row) for name, row in batch.schedules.items() if row is not None]
        execute(connection, SCHEDULES, there)
        execute(connection, SCHEDULES_OVER, [(name,) for name, row in batch.schedules.items() if row is None])
    if batch.requests_done:
        execute(connection, REQUESTS_DONE, [(id_,) for id_ in batch.requests_done])
    for statement, rows in batch.also.items():
        execute(connection, statement, rows)


def _stage_attributes(connection: sqlite3.Connection, attributes: Mapping[tuple[int, str], Attributed]) -> None:
    execute(connection, ATTRIBUTES_GONE, list(attributes))
    given = [(run, each) for (run, _), each in attributes.items() if each.values]
    execute(connection, ATTRIBUTE_NAMES, list({(each.name, each.kind): None for _, each in given}))
    rows = [(run, each.name, each.kind, value) for run, each in given for value in each.values]
    execute(connection, ATTRIBUTES, rows)
