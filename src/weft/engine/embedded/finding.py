"""Answers questions about runs: the cheapest way to walk, in small steps, and where to go on."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from weft.engine.embedded.asking import Names, Values, condition
from weft.engine.embedded.layout import BLOCK_KEYS
from weft.engine.embedded.rows import RunRow
from weft.engine.embedded.store import Store
from weft.engine.embedded.walks import AFTER_ALL, Walk, all_runs, along_ended, pairs_only, ways, within
from weft.model.attribute import Kind, Stored
from weft.model.query.binding import Field, Question
from weft.model.query.fields import Sort

EXAMINED = 10_000
"""Runs that one step looks at, at most: some ten milliseconds, and no longer a snapshot that holds the log back."""

AT_FIRST = 64
"""Rows that a walk reads at first; a walk that goes on reads more at once."""

PROBED = 10_000
"""Rows up to which is counted how long a way is."""

MOST_WALKS = 256
"""Walks that are merged; a way of more is not taken."""

MOST_RANGES = 8
"""Ranges of blocks that are walked apart."""

Position: TypeAlias = tuple[int, int]
"""Where an answer stands in its order: when it ended and its key, or its key twice."""

AGES = (
    "SELECT block FROM ages WHERE newest_ms >= ? AND oldest_ms <= ? ORDER BY block",
    "SELECT max(block) FROM ages",
)
BLOCK = "SELECT min(created_ms), max(created_ms) FROM runs WHERE key >= ? AND key < ?"
ATTRIBUTE_NAMES = "SELECT name, id, kind FROM attribute_names ORDER BY id"
ATTRIBUTES_OF = (
    "SELECT n.name, n.kind, a.value FROM attributes AS a CROSS JOIN attribute_names AS n ON n.id = a.name "
    "WHERE a.run = ?"
)
SORTS = {
    Kind.KEYWORD: Sort.TEXT,
    Kind.INT: Sort.WHOLE,
    Kind.DOUBLE: Sort.NUMBER,
    Kind.BOOL: Sort.TRUTH,
    Kind.DATETIME: Sort.INSTANT,
    Kind.KEYWORD_LIST: Sort.TEXTS,
}
"""How attributes of each kind are compared."""

GROUPS = {"status": "runs.status", "workflow": "runs.workflow", "tenant": "runs.tenant"}
"""By what runs are counted, besides attributes."""


@dataclass(slots=True)
class Step:
    """What one step found.

    Attributes:
        rows: the runs, in order.
        position: where the next step goes on; nothing when all has been seen.
        examined: how many runs were looked at.
    """

    rows: list[RunRow] = field(default_factory=list[RunRow])
    position: Position | None = None
    examined: int = 0


@dataclass(slots=True)
class Tally:
    """What one step counted, by what it was asked to count by; a run without an attribute counts under nothing."""

    counts: Counter[Stored | None] = field(default_factory=Counter[Stored | None])
    position: Position | None = None


class _Seen(NamedTuple):
    """A run that a walk has come past."""

    first: int
    key: int
    meant: int
    group: Stored | None


class Finder:
    """Answers questions of one store. Each step sees one consistent picture; steps do not share one."""

    def __init__(self, store: Store, *, block_keys: int = BLOCK_KEYS) -> None:
        self._store = store
        self._block_keys = block_keys

    def unwritten_ages(self, most: int) -> list[tuple[int, int, int]]:
        """Return the ages of the next blocks that are full and not written down: block, oldest and newest."""
        written = self._store.select(AGES[1])[0][0]
        first = 0 if written is None else written + 1
        full = (self._store.max_key() + 1) // self._block_keys
        found: list[tuple[int, int, int]] = []
        for block in range(first, min(full, first + most)):
            keys = (block * self._block_keys, (block + 1) * self._block_keys)
            oldest_ms, newest_ms = self._store.select(BLOCK, keys)[0]
            # In a block whose runs are all deleted no run is of any age.
            found.append((block, AFTER_ALL, -AFTER_ALL) if oldest_ms is None else (block, oldest_ms, newest_ms))
        return found

    def sorts(self) -> dict[str, Sort]:
        """Return how the attributes that there are can be compared, by name."""
        return {name: SORTS[Kind(kind)] for name, _, kind in self._store.select(ATTRIBUTE_NAMES)}

    def attributes(self, key: int) -> dict[str, tuple[int, tuple[Stored, ...]]]:
        """Return the attributes of a run: kind and values by name."""
        rows = sorted(self._store.select(ATTRIBUTES_OF, (key,)), key=itemgetter(0, 1))
        return {
            name: (kind, tuple(value for *_, value in found)) for (name, kind), found in groupby(rows, itemgetter(0, 1))
        }

    def page(self, question: Question, *, limit: int, after: Position | None = None) -> Step:
        """Return the next runs that are meant: at most so many, after looking at `EXAMINED` at most."""
        step = Step()
        with self._store.snapshot():
            seen = self._seen(question, after, group="NULL", expected=limit)
            for step.examined, each in enumerate(seen, 1):
                if each.meant:
                    row = self._store.row(each.key)
                    assert row is not None, "a snapshot does not change"
                    step.rows.append(row)
                if len(step.rows) >= limit or step.examined >= EXAMINED:
                    step.position = each[:2]
                    break
        return step

    def count(self, question: Question, *, by: Field | None = None, after: Position | None = None) -> Tally:
        """Count the runs that are meant, looking at `EXAMINED` at most; what an index counts alone is counted whole."""
        names = self._names()
        pairs = pairs_only(question.where, names)
        if pairs is not None and (by is None or by.name in {"status", "workflow"}) and not question.by_ended:
            return self._counted(pairs, by, names)
        tally = Tally()
        with self._store.snapshot():
            seen = self._seen(question, after, group=self._group(by), expected=EXAMINED)
            for number, each in enumerate(seen, 1):
                if each.meant:
                    group = each.group
                    if by is not None and by.name == "workflow" and not by.attribute:
                        group = names.workflows[int(group or 0)]
                    tally.counts[group] += 1
                if number >= EXAMINED:
                    tally.position = each[:2]
                    break
        return tally

    def _counted(self, pairs: list[tuple[int, int]], by: Field | None, names: Names) -> Tally:
        tally = Tally()
        with self._store.snapshot():
            for workflow, status in pairs:
                count = self._store.count_pair(workflow, status)
                if count:
                    group = None if by is None else status if by.name == "status" else names.workflows[workflow]
                    tally.counts[group] += count
        return tally

    def _group(self, by: Field | None) -> str:
        if by is None:
            return "NULL"
        if not by.attribute:
            return GROUPS[by.name]
        number = int(self._names().attributes.get(by.name, 0))
        return f"(SELECT g.value FROM attributes AS g WHERE g.run = runs.key AND g.name = {number})"  # noqa: S608 - a number

    # Walking.

    def _seen(self, question: Question, after: Position | None, *, group: str, expected: int) -> Iterator[_Seen]:
        """Come past every run that may be meant, once, in order."""
        names = self._names()
        walks = self._way(question, names)
        residual = condition(question.where, names)
        merged = heapq.merge(
            *(
                self._rows(question, walk, after, group=group, residual=residual, size=min(AT_FIRST, expected + 1))
                for walk in walks
            ),
            key=itemgetter(0, 1),
            reverse=question.descending,
        )
        for _, same in groupby(merged, key=itemgetter(0, 1)):
            yield next(same)

    def _rows(
        self,
        question: Question,
        walk: Walk,
        position: Position | None,
        *,
        group: str,
        residual: tuple[str, Values],
        size: int,
    ) -> Iterator[_Seen]:
        sql, values = statement(question, walk, group=group, residual=residual)
        while True:
            rows = self._store.select(sql, (*values, *bounds(question, walk, position), size))
            yield from map(_Seen._make, rows)
            if len(rows) < size:
                return
            position = rows[-1][:2]
            size = min(size * 4, EXAMINED)

    def _way(self, question: Question, names: Names) -> list[Walk]:
        """Return the way that comes past the fewest runs, as far as a short look can tell."""
        longest = along_ended(question.where, names) if question.by_ended else all_runs()
        best, least = longest, PROBED + 1
        for way in ways(question.where, names):
            if len(way) > MOST_WALKS:
                continue
            length = self._length(way)
            # What has to be sorted is read whole for each step, so it must be short; else any index beats none.
            sorts = question.by_ended or any(walk.sorts for walk in way)
            if length < least or (not sorts and best is longest):
                best, least = way, length
        return best if question.by_ended else self._within_age(question, best)

    def _length(self, way: list[Walk]) -> int:
        total = 0
        for walk in way:
            total += self._store.select(probe(walk), (*walk.values, PROBED + 1 - total))[0][0]
            if total > PROBED:
                break
        return total

    def _within_age(self, question: Question, way: list[Walk]) -> list[Walk]:
        """Keep to the keys of blocks in which a run of the right age can be, and to those after the last block."""
        low_ms, high_ms = within(question.where, "created")
        if (low_ms, high_ms) == (0, AFTER_ALL):
            return way
        blocks = [block for (block,) in self._store.select(AGES[0], (low_ms, high_ms))]
        written = self._store.select(AGES[1])[0][0]
        rest, keys = 0 if written is None else written + 1, self._block_keys
        # A clock that jumped leaves a few blocks far from the others: not everything between them is walked past.
        return [
            replace(walk, low=first * keys, high=AFTER_ALL if last >= rest else (last + 1) * keys - 1)
            for walk in way
            for first, last in islands([*blocks, rest])
        ]

    def _names(self) -> Names:
        attributes = {name: number for name, number, _ in self._store.select(ATTRIBUTE_NAMES)}
        return Names(self._store.workflow_names(), attributes)


def islands(numbers: list[int]) -> list[tuple[int, int]]:
    """Return numbers, which grow, as ranges without gaps; from `MOST_RANGES` on the gaps are closed over."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and (number == found[-1][1] + 1 or len(found) == MOST_RANGES):
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def statement(question: Question, walk: Walk, *, group: str, residual: tuple[str, Values]) -> tuple[str, Values]:
    """Return the SQL of one step along a walk, and its parameters up to where the step begins."""
    direction, sign = ("DESC", "<") if question.descending else ("ASC", ">")
    sql, values = residual
    first = "runs.ended_ms" if question.by_ended else walk.key
    # One bound on either side: of two SQLite would search for the first and pass over what is beyond the other.
    after, order = f"{first} >= ? AND {first} <= ?", f"{first} {direction}"
    if question.by_ended:
        after += f" AND (runs.ended_ms {sign} ? OR runs.key {sign} ?)"
        order += f", runs.key {direction}"
    text = (
        f"SELECT {first}, runs.key, {sql}, {group} FROM {walk.source} "  # noqa: S608 - every value is a parameter
        f"WHERE {walk.where} AND {after} ORDER BY {order} LIMIT ?"
    )
    return text, (*values, *walk.values)


def bounds(question: Question, walk: Walk, position: Position | None) -> Values:
    """Return the parameters that keep a walk behind a position."""
    if question.by_ended:
        if position is None:
            return (walk.low, walk.high, *((AFTER_ALL, AFTER_ALL) if question.descending else (-1, -1)))
        first = position[0]
        ends = (walk.low, min(walk.high, first)) if question.descending else (max(walk.low, first), walk.high)
        return (*ends, *position)
    if position is None:
        return (walk.low, walk.high)
    key = position[1]
    return (walk.low, min(walk.high, key - 1)) if question.descending else (max(walk.low, key + 1), walk.high)


def probe(walk: Walk) -> str:
    """Return the SQL that counts how long a walk is, up to a limit."""
    source = walk.source.split(" CROSS JOIN ")[0]
    return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {walk.where} LIMIT ?)"  # noqa: S608 - as above
