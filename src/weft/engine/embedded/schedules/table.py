"""The rows of schedules, as they are read."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from weft.engine.embedded.batch import ScheduleRow
from weft.engine.embedded.schedules.state import STATE, State
from weft.model.schedule import SPEC, ScheduleSpec

FIND = "SELECT id, spec, state, next_ms FROM schedules WHERE id = ?"
LIST = "SELECT id, spec, state, next_ms FROM schedules WHERE id > ? ORDER BY id LIMIT ?"
NEXT = "SELECT id, next_ms FROM schedules WHERE next_ms IS NOT NULL ORDER BY next_ms LIMIT ?"
LOOK = "SELECT id FROM schedules WHERE look = 1 AND id > ? ORDER BY id LIMIT ?"
DECLARED = "SELECT id FROM schedules WHERE declared = 1 AND id > ''"

QUERIES = (FIND, LIST, NEXT, LOOK, DECLARED)


class Reader(Protocol):
    """Where rows are read."""

    def select(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Return what a statement reads."""
        ...


class Kept(NamedTuple):
    """A schedule as it is kept: what it says, where it stands, and when it is to be looked at."""

    spec: ScheduleSpec
    state: State
    next_ms: int | None

    @property
    def must_look(self) -> bool:
        """Tell whether it is to be looked at, whatever the time, when an engine opens the store or a run has ended."""
        state = self.state
        minds = self.spec.pause_on_failure and state.going
        return bool(state.waiting or state.backfills or state.trouble or minds)

    def row(self) -> ScheduleRow:
        """Return its row."""
        state = self.state
        return (SPEC.encode(self.spec), STATE.encode(state), self.next_ms, int(self.must_look), int(state.declared))


def find(reader: Reader, schedule: str) -> Kept | None:
    """Return a schedule by its id, if there is one."""
    rows = reader.select(FIND, (schedule,))
    return _kept(rows[0]) if rows else None


def listed(reader: Reader, *, after: str, limit: int) -> list[Kept]:
    """Return schedules in order of their ids, those behind one."""
    return [_kept(row) for row in reader.select(LIST, (after, limit))]


def earliest(reader: Reader, limit: int) -> list[tuple[str, int]]:
    """Return ids and times of those that are to be looked at first."""
    return reader.select(NEXT, (limit,))


def to_look_at(reader: Reader, *, after: str, limit: int) -> list[str]:
    """Return ids of those that an engine looks at when it opens the store, those behind one."""
    return [name for (name,) in reader.select(LOOK, (after, limit))]


def declared(reader: Reader) -> list[str]:
    """Return ids of those that the System's code declared."""
    return [name for (name,) in reader.select(DECLARED)]


def _kept(row: tuple[Any, ...]) -> Kept:
    return Kept(SPEC.decode(row[1]), STATE.decode(row[2]), row[3])
