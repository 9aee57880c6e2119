"""Lists and counts of runs, for whoever waits for them in small steps or at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from weft.clock import Clock
from weft.engine.embedded.finding import GROUPS, Finder, Position
from weft.engine.embedded.rows import RunRow
from weft.engine.embedded.store import Store
from weft.engine.embedded.story import view_of
from weft.errors import LimitExceeded, QueryInvalid
from weft.model.attribute import Stored, shown_values
from weft.model.query.binding import Field, Question, bind
from weft.model.query.cursor import Cursor, read_cursor
from weft.model.query.fields import FIELDS, Sort
from weft.model.query.parser import parse
from weft.model.query.rendering import render
from weft.model.query.tree import Query
from weft.model.run import RunPage, RunStatus, RunView

MOST_GROUPS = 10_000
"""Values that runs are counted by, at most."""

_GROUPED = frozenset({Sort.TEXT, Sort.STATUS, Sort.WHOLE, Sort.TRUTH})

T = TypeVar("T")


@dataclass(slots=True)
class Listing:
    """One page of runs while it grows; `cursor` is set once there is another."""

    rows: list[RunRow] = field(default_factory=list[RunRow])
    cursor: str | None = None


class Asker:
    """Asks one store; what takes long is an iterator of steps, so that who asks can do other things in between."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.finder = Finder(store)
        self._clock = clock

    def question(self, query: Query, *, now_ms: int | None = None) -> Question:
        """Return what a query asks of this store.

        Raises:
            QueryInvalid: it names what is not there, or compares what cannot be compared.
        """
        return bind(query, self.finder.sorts(), now_ms=self._clock.now_ms() if now_ms is None else now_ms)

    def page(self, query: Query, *, limit: int, after: str = "") -> Iterator[Listing]:
        """List runs, step by step; the last step has the whole page.

        Raises:
            QueryInvalid: as `question` does.
            CursorInvalid: `after` does not go on with this query.
        """
        text = render(query)
        cursor = read_cursor(after, text) if after else None
        question = self.question(query, now_ms=None if cursor is None else cursor.now_ms)
        position = None if cursor is None else cursor.position
        listing = Listing()
        while True:
            step = self.finder.page(question, limit=limit + 1 - len(listing.rows), after=position)
            listing.rows += step.rows
            position = step.position
            if len(listing.rows) > limit:
                del listing.rows[limit:]
                listing.cursor = Cursor(_position(listing.rows[-1], question), question.now_ms).text(text)
                position = None
            yield listing
            if position is None:
                return

    def count(self, query: Query, *, by: str = "") -> Iterator[Counter[str]]:
        """Count runs by a field, step by step; the last step has counted all.

        Raises:
            QueryInvalid: as `question` does; there is no such field, or runs cannot be counted by it.
            LimitExceeded: there are more than `MOST_GROUPS` values of it.
        """
        question = self.question(query)
        field_ = self._field(by) if by else None
        counts: Counter[str] = Counter()
        position: Position | None = None
        while True:
            tally = self.finder.count(question, by=field_, after=position)
            for value, count in tally.counts.items():
                counts[_label(field_, value)] += count
            if len(counts) > MOST_GROUPS:
                what = f"there are more than {MOST_GROUPS:,} values of {by}"
                raise LimitExceeded(what, remedy="narrow the query, or count by another field", name="groups")
            position = tally.position
            yield counts
            if position is None:
                return

    def _field(self, name: str) -> Field:
        sorts = self.finder.sorts()
        known = FIELDS.get(name)
        found = Field(*known) if known is not None else Field(name, sorts.get(name, Sort.TEXTS), attribute=True)
        if found.sort not in _GROUPED or not (found.attribute or found.name in GROUPS):
            names = ", ".join([*GROUPS, *(each for each, sort in sorts.items() if sort in _GROUPED)])
            what = f"runs cannot be counted by {name!r}"
            raise QueryInvalid(what, remedy=f"count by one of {names}")
        return found

    def attributes(self, row: RunRow) -> dict[str, object]:
        """Return the attributes of a run by name, as programs read them."""
        return shown_values(self.finder.attributes(row.key))

    def view(self, row: RunRow) -> RunView:
        """Return what a list shows of a run."""
        return view_of(row, self.attributes(row))


def _position(row: RunRow, question: Question) -> Position:
    return (row.ended_ms or 0 if question.by_ended else row.key, row.key)


def _label(by: Field | None, value: Stored | None) -> str:
    if by is None or value is None:
        return ""
    match by.sort:
        case Sort.STATUS:
            return RunStatus(int(value)).label
        case Sort.TRUTH:
            return "true" if value else "false"
        case _:
            return str(value)


class Questions:
    """What an engine answers about its runs while it works: the loop gets a turn between the steps."""

    def __init__(self, store: Callable[[], Store], clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def page(self, where: str, *, limit: int, after: str = "") -> RunPage:
        """Return the next runs of which a query holds.

        Raises:
            QueryInvalid, CursorInvalid: the query or the cursor cannot be read.
        """
        query = parse(where)
        asker = self._asker()
        listing = await self._last(asker.page(query, limit=limit, after=after))
        return RunPage(tuple(map(self._asker().view, listing.rows)), listing.cursor)

    async def count(self, where: str, *, by: str = "") -> dict[str, int]:
        """Return how many runs a query holds of, by the values of a field.

        Raises:
            QueryInvalid: the query or the field cannot be read.
            LimitExceeded: the field has too many values.
        """
        return dict(await self._last(self._asker().count(parse(where), by=by)))

    def _asker(self) -> Asker:
        return Asker(self._store(), self._clock)

    async def _last(self, steps: Iterator[T]) -> T:
        found = next(steps)
        for found in steps:  # noqa: B007 - the last one is wanted
            await asyncio.sleep(0)
            self._store()  # raises once the engine has closed
        return found
