"""Cron by brute force: every minute of a stretch of time is looked at by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """A cron line of plain sets: minutes, hours, days of the week (Sunday is 0); `star` where a field begins with *."""

    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]
    minutes_star: bool
    hours_star: bool

    def __str__(self) -> str:
        fields = (
            _field(self.minutes, star=self.minutes_star),
            _field(self.hours, star=self.hours_star),
            "*",
            "*",
            _field(self.weekdays, star=len(self.weekdays) == 7),
        )
        return " ".join(fields)

    def shows(self, wall: datetime) -> bool:
        """Tell whether clocks that show this time show one of the line's."""
        day = (wall.weekday() + 1) % 7
        return wall.minute in self.minutes and wall.hour in self.hours and day in self.weekdays


def _field(values: frozenset[int], *, star: bool) -> str:
    if star and len(values) in {7, 24, 60}:
        return "*"
    if star:
        step = sorted(values)[1] - min(values)
        return f"*/{step}"
    return ",".join(str(each) for each in sorted(values))


def scanned(line: Line, zone: ZoneInfo, *, start: datetime, end: datetime) -> list[datetime]:
    """Return the line's times after one moment and up to another, found by looking at every minute."""
    if line.minutes_star or line.hours_star:
        return [each for each in _minutes(start, end) if line.shows(each.astimezone(zone))]
    # Fixed: every minute of wall time, real or not, once; in a gap it is the first moment after it.
    found: set[datetime] = set()
    for each in _minutes(start - timedelta(days=1), end):
        wall = each.astimezone(zone).replace(tzinfo=None)
        for shown in {wall, *_skipped_before(each, zone)}:
            if line.shows(shown):
                found.add(each if shown != wall else shown.replace(tzinfo=zone, fold=0).astimezone(UTC))
    return sorted(each for each in found if start < each <= end)


def _skipped_before(moment: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the minutes that clocks left out just before a moment."""
    before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    after = moment.astimezone(zone).replace(tzinfo=None)
    return [before + MINUTE * number for number in range(1, (after - before) // MINUTE)]


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + MINUTE * number for number in range(1, (end - start) // MINUTE + 1)]
