"""When a schedule is due: cron expressions in a time zone, intervals, exact times, and what follows a moment."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from weft.clock import EPOCH, to_datetime
from weft.errors import ScheduleInvalid

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)

LOOK_FOR_CHANGE = timedelta(hours=12)
"""No zone has ever changed its offset twice within this time."""

EXCLUDED_IN_A_ROW = 10_000
"""Times that an exclusion may take away one after the other; past it nothing is held to be left."""

LONGEST = timedelta(days=36_525)
"""A hundred years: what comes more rarely is a list of times."""

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Moments keep a year away from both ends of the calendar, so that they exist on the clocks of every zone."""

FIELDS_OF_DEBIAN = 5
"""Expressions with seconds, a sixth field, are no Debian cron: nothing of them is moved when clocks change."""

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_LAST = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)

_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - where expressions are tried: wall time of no zone


@dataclass(frozen=True, slots=True)
class Cron:
    """Times that a cron expression names on the clocks of a zone.

    Five fields (minute, hour, day of month, month, day of week) as Debian's cron reads them, or six with seconds
    first. When clocks change, an expression with a fixed minute and hour fires once: at the first moment after the
    gap if its time does not exist, the first time if it exists twice. An expression whose minute or hour begins with
    `*` goes by the hands of the clock, and so does one with seconds: what does not exist is left out, what exists
    twice happens twice.

    Attributes:
        expression: the fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
        zone: a name of the IANA database.

    Raises:
        ScheduleInvalid: it is no expression or no zone, or it names no time in fifty years.
    """

    expression: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what names no time."""
        _check_expression(self.expression)
        zone_of(self.zone)

    def after(self, at: datetime) -> Iterator[datetime]:
        """Yield its times after a moment: aware, UTC, strictly increasing."""
        fields = NICKNAMES.get(self.expression, self.expression).split()
        is_fixed = len(fields) == FIELDS_OF_DEBIAN and not fields[0].startswith("*") and not fields[1].startswith("*")
        return _fixed(fields, zone_of(self.zone), at) if is_fixed else _by_the_hands(fields, zone_of(self.zone), at)

    def __str__(self) -> str:
        """Write it as people do."""
        return f"cron {self.expression} in {self.zone}"


@dataclass(frozen=True, slots=True)
class Every:
    """Times at a fixed distance, counted from 1970-01-01 UTC: `Every(hours 6, offset=hours 1)` is 01:00, 07:00, ...

    Attributes:
        period: the distance; from a second to a hundred years, to the millisecond.
        offset: how much later; less than the period.

    Raises:
        ScheduleInvalid: the period is too short or too long, or the offset does not fit.
    """

    period: timedelta
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Refuse what is no interval."""
        if self.period < SECOND:
            what = f"an interval of {self.period} is too short"
            raise ScheduleInvalid(what, remedy="let a second pass at least; for less, loop inside one workflow")
        if self.period > LONGEST:
            what = f"an interval of {self.period} is longer than a hundred years"
            raise ScheduleInvalid(what, remedy="name the times themselves: at(...)")
        if not timedelta(0) <= self.offset < self.period:
            what = f"an offset of {self.offset} does not lie within an interval of {self.period}"
            raise ScheduleInvalid(what, remedy="give an offset from zero up to, but not, the interval")
        if self.period % MILLISECOND or self.offset % MILLISECOND:
            what = f"{self.period} or {self.offset} has a part of a millisecond"
            raise ScheduleInvalid(what, remedy="round it to milliseconds")

    def after(self, at: datetime) -> Iterator[datetime]:
        """Yield its times after a moment: aware, UTC, strictly increasing."""
        begin = EPOCH + self.offset
        first, last = (at - begin) // self.period + 1, (_LAST - begin) // self.period
        return (begin + number * self.period for number in range(first, last + 1))

    def __str__(self) -> str:
        """Write it as people do."""
        return f"every {self.period}" + (f" and {self.offset}" if self.offset else "")


@dataclass(frozen=True, slots=True)
class At:
    """A list of exact times; aware, in any order.

    Raises:
        ScheduleInvalid: there is none, or one has no time zone or a part of a millisecond.
    """

    times: tuple[datetime, ...]

    def __post_init__(self) -> None:
        """Refuse what is no moment."""
        if not self.times:
            what = "a list of times has none in it"
            raise ScheduleInvalid(what, remedy="name one at least")
        for each in self.times:
            check_moment(each)

    def after(self, at: datetime) -> Iterator[datetime]:
        """Yield its times after a moment: aware, UTC, strictly increasing."""
        return iter(sorted({each.astimezone(UTC) for each in self.times if each > at}))

    def __str__(self) -> str:
        """Write it as people do."""
        return f"at {min(self.times).isoformat()}" + (f" and {len(self.times) - 1} more" if self.times[1:] else "")


Timing: TypeAlias = Cron | Every | At


def cron(expression: str, *, zone: str = "UTC") -> Cron:
    """Return the times that a cron expression names on the clocks of a zone; see `Cron`.

    Raises:
        ScheduleInvalid: it is no expression or no zone, or it names no time in fifty years.
    """
    return Cron(expression, zone)


def every(period: timedelta, *, offset: timedelta = timedelta(0)) -> Every:
    """Return times at a fixed distance, counted from 1970-01-01 UTC; see `Every`.

    Raises:
        ScheduleInvalid: the period is too short, or the offset does not fit.
    """
    return Every(period, offset)


def at(*times: datetime) -> At:
    """Return exact times.

    Raises:
        ScheduleInvalid: there is none, or one has no time zone.
    """
    return At(times)


@dataclass(frozen=True, slots=True)
class Times:
    """All the times of a schedule: those of any of its timings, without those excluded, within its bounds.

    Attributes:
        any_of: where times come from; one that several name is one.
        excluding: what takes times away.
        start: nothing before; nothing for no bound.
        end: nothing after; nothing for no bound.
        jitter: up to how much later than named it is done: the same for the same time, never past the next time.
    """

    any_of: tuple[Timing, ...]
    excluding: tuple[Cron, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    jitter: timedelta = timedelta(0)

    def after(self, at_ms: int) -> Iterator[int]:
        """Yield the times after one, in milliseconds since 1970, strictly increasing, without jitter."""
        if self.start is not None:
            at_ms = max(at_ms, to_ms(self.start) - 1)
        end_ms = None if self.end is None else to_ms(self.end)
        moment = to_datetime(at_ms)
        last_ms, excluded = at_ms, 0
        for each in heapq.merge(*(timing.after(moment) for timing in self.any_of)):
            due_ms = to_ms(each)
            if end_ms is not None and due_ms > end_ms:
                return
            if due_ms == last_ms:
                continue
            last_ms = due_ms
            if not any(_names(rule, each) for rule in self.excluding):
                excluded = 0
                yield due_ms
            elif (excluded := excluded + 1) >= EXCLUDED_IN_A_ROW:
                return

    @property
    def zone(self) -> str:
        """Return the zone in which people read its times: that of its first cron expression, or UTC."""
        return next((each.zone for each in self.any_of if isinstance(each, Cron)), "UTC")

    def local(self, at_ms: int) -> datetime:
        """Return a time in its zone, in UTC where the offset there has seconds, which no program would read."""
        moment = to_datetime(at_ms).astimezone(zone_of(self.zone))
        offset = moment.utcoffset() or timedelta(0)
        return moment.astimezone(UTC) if offset % timedelta(minutes=1) else moment

    def __str__(self) -> str:
        """Write it as people do."""
        return "; ".join(str(each) for each in self.any_of)


def to_ms(moment: datetime) -> int:
    """Return an aware moment in milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def check_moment(moment: datetime) -> None:
    """Refuse a moment that is none.

    Raises:
        ScheduleInvalid: it has no time zone, or a part of a millisecond, or is at an end of the calendar.
    """
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        what = f"{moment.isoformat()} is at an end of the calendar"
        raise ScheduleInvalid(what, remedy=f"name a moment from the year {FIRST_YEAR} to {LAST_YEAR}")
    if moment.utcoffset() is None:
        what = f"{moment.isoformat()} has no time zone: it is no moment"
        raise ScheduleInvalid(what, remedy="write datetime(..., tzinfo=ZoneInfo('Europe/Berlin')), or with UTC")
    if moment.microsecond % 1_000:
        what = f"{moment.isoformat()} has a part of a millisecond"
        raise ScheduleInvalid(what, remedy="round it to milliseconds")


def zone_of(name: str) -> ZoneInfo:
    """Return a zone of the IANA database.

    Raises:
        ScheduleInvalid: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, available_timezones(), n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else "write a name of the IANA database, as in 'Europe/Berlin'"
        what = f"there is no time zone {name!r}"
        raise ScheduleInvalid(what, remedy=remedy) from error


@lru_cache(maxsize=1_024)
def _check_expression(expression: str) -> None:
    remedy = "write five fields: minute hour day-of-month month day-of-week, as in '30 2 * * MON-FRI'"
    fields = NICKNAMES.get(expression, expression)
    try:
        named = next(CronSim(fields, _SOME_DAY), None)
    except CronSimError as error:
        what = f"the cron expression {expression!r} cannot be read: {error}"
        raise ScheduleInvalid(what, remedy=remedy) from error
    if named is None:
        what = f"the cron expression {expression!r} names no time in fifty years"
        raise ScheduleInvalid(what, remedy="compare its day of month with its day of week: both must hold if one has *")


def _fixed(fields: list[str], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the times of an expression with a fixed minute and hour, each once whatever the clocks do."""
    last = after
    for found in CronSim(" ".join(fields), after.astimezone(zone)):
        moment = found.astimezone(UTC)
        # Told the second pass of an hour, the library names times of the first; and what a gap moved may meet another.
        if moment > last:
            last = moment
            yield moment


def _by_the_hands(fields: list[str], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the times at which the clocks show what an expression says.

    Between two changes of the offset wall time is a plain line, on which the library is asked; at a change it is
    asked anew. Asked across a change of half an hour, it would pass over what the new offset shows first.
    """
    position = seen = after.replace(microsecond=0)
    while True:
        offset = _offset(zone, seen)
        change: datetime | None = None
        for found in CronSim(" ".join(fields), (position + offset).replace(tzinfo=None)):
            moment = found.replace(tzinfo=UTC) - offset
            change = _change_between(zone, seen, moment)
            if change is not None:
                break
            position = seen = moment
            yield moment
        if change is None:
            return
        # A second before, by the clocks of after: the moment of the change itself may be named.
        position, seen = change - SECOND, change


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _change_between(zone: ZoneInfo, before: datetime, until: datetime) -> datetime | None:
    """Return the first moment up to one at which clocks show another offset than at the moment before."""
    offset = _offset(zone, before)
    while before < until:
        step = min(before + LOOK_FOR_CHANGE, until)
        if _offset(zone, step) != offset:
            return _first_with_other_offset(zone, before, step)
        before = step
    return None


def _first_with_other_offset(zone: ZoneInfo, before: datetime, until: datetime) -> datetime:
    offset = _offset(zone, before)
    while until - before > SECOND:
        middle = before + (until - before) // SECOND // 2 * SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            until = middle
    return until


def _names(rule: Cron, moment: datetime) -> bool:
    return next(rule.after(moment - SECOND), None) == moment
