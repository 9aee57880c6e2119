"""When schedules are due: cron on the clocks of a zone, intervals, exact times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.wall_clock import Line, scanned
from weft.errors import ScheduleInvalid
from weft.model.timing import Times, at, cron, every, to_ms

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
CHANGES = {
    (BERLIN, "spring"): datetime(2026, 3, 29, 1, tzinfo=UTC),
    (BERLIN, "autumn"): datetime(2026, 10, 25, 1, tzinfo=UTC),
    (NEW_YORK, "spring"): datetime(2026, 3, 8, 7, tzinfo=UTC),
    (NEW_YORK, "autumn"): datetime(2026, 11, 1, 6, tzinfo=UTC),
    (LORD_HOWE, "spring"): datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    (LORD_HOWE, "autumn"): datetime(2026, 4, 4, 15, tzinfo=UTC),
}


def around(expression: str, zone: str, season: str) -> list[str]:
    """Return what an expression names from 12 hours before a change of clocks to 12 after, as the clocks show it."""
    change = CHANGES[zone, season]
    times = Times((cron(expression, zone=zone),))
    found = times.after(to_ms(change - timedelta(hours=12)))
    until = to_ms(change + timedelta(hours=12))
    return [times.local(each).isoformat()[11:] for each in takewhile(lambda each: each <= until, found)]


@pytest.mark.parametrize(
    ("expression", "zone", "season", "shown"),
    [
        ("30 2 * * *", BERLIN, "spring", ["03:00:00+02:00"]),
        ("30 2 * * *", BERLIN, "autumn", ["02:30:00+02:00"]),
        ("0 3 * * *", BERLIN, "spring", ["03:00:00+02:00"]),
        ("0,30 2,3 * * *", BERLIN, "spring", ["03:00:00+02:00", "03:30:00+02:00"]),
        ("*/30 2 * * *", BERLIN, "spring", []),
        ("*/30 2 * * *", BERLIN, "autumn", ["02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00"]),
        ("0 30 2 * * *", BERLIN, "spring", []),
        ("0 30 2 * * *", BERLIN, "autumn", ["02:30:00+02:00", "02:30:00+01:00"]),
        ("30 2 * * *", NEW_YORK, "spring", ["03:00:00-04:00"]),
        ("30 1 * * *", NEW_YORK, "autumn", ["01:30:00-04:00"]),
        ("15 2 * * *", LORD_HOWE, "spring", ["02:30:00+11:00"]),
        ("30 2 * * *", LORD_HOWE, "spring", ["02:30:00+11:00"]),
        ("45 1 * * *", LORD_HOWE, "autumn", ["01:45:00+11:00"]),
    ],
)
def test_change_of_clocks(expression: str, zone: str, season: str, shown: list[str]) -> None:
    """A fixed time that does not exist is the first moment after, one that exists twice the first."""
    assert around(expression, zone, season) == shown


def test_half_an_hour_twice() -> None:
    """On Lord Howe Island half an hour comes twice, and what goes by the hands of the clock happens twice in it."""
    twice = around("*/15 1 * * *", LORD_HOWE, "autumn")

    assert twice == [
        "01:00:00+11:00", "01:15:00+11:00", "01:30:00+11:00", "01:45:00+11:00", "01:30:00+10:30", "01:45:00+10:30",
    ]  # fmt: skip


def numbers(least: int, most: int) -> st.SearchStrategy[frozenset[int]]:
    """Draw some numbers of a range."""
    return st.frozensets(st.integers(least, most), min_size=1, max_size=4)


STARS = st.sampled_from([1, 5, 7, 10, 15, 20, 30])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Draw a cron line whose hours lie around the change of clocks."""
    minutes_star, hours_star = draw(st.booleans()), draw(st.booleans())
    minutes = frozenset(range(0, 60, draw(STARS))) if minutes_star else draw(numbers(0, 59))
    hours = frozenset(range(0, 24, draw(st.sampled_from([1, 2, 3])))) if hours_star else draw(numbers(0, 4))
    weekdays = draw(st.one_of(st.just(frozenset(range(7))), numbers(0, 6)))
    return Line(minutes, hours, weekdays, minutes_star, hours_star)


@settings(max_examples=150)
@given(line=lines(), place=st.sampled_from(list(CHANGES)), early=st.integers(0, 3_000), lasting=st.integers(1, 4_000))
def test_cron_is_what_a_look_at_every_minute_finds(
    line: Line, place: tuple[str, str], early: int, lasting: int
) -> None:
    """Asked from any minute around a change of clocks, the times are those that a look at each minute finds."""
    zone, start = place[0], CHANGES[place] - timedelta(minutes=early)
    end = start + timedelta(minutes=lasting)

    named = Times((cron(str(line), zone=zone),)).after(to_ms(start))

    found = list(takewhile(lambda each: each <= to_ms(end), named))
    assert found == [to_ms(each) for each in scanned(line, ZoneInfo(zone), start=start, end=end)]


@settings(max_examples=100)
@given(
    rules=st.lists(
        st.one_of(
            lines().map(lambda line: cron(str(line), zone=LORD_HOWE)),
            st.integers(1_000, 10**8).map(lambda each: every(timedelta(milliseconds=each))),
            st.integers(0, 10**6).map(lambda each: at(CHANGES[BERLIN, "spring"] + timedelta(seconds=each))),
        ),
        min_size=1,
        max_size=3,
    ),
    after=st.integers(0, 5 * 10**8),
)
def test_times_grow_and_each_follows_from_the_one_before(rules: list[object], after: int) -> None:
    """Times are strictly increasing, and asked anew from any of them the next one is the same."""
    times = Times(tuple(rules))
    found = list(islice(times.after(to_ms(CHANGES[BERLIN, "spring"]) + after), 30))

    assert all(one < other for one, other in pairwise(found))
    assert [next(times.after(each), None) for each in found[:-1]] == found[1:]


def test_intervals_are_counted_from_1970() -> None:
    """An interval with an offset names the same moments whenever it is asked."""
    times = Times((every(timedelta(hours=6), offset=timedelta(hours=1)),))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert [times.local(each).hour for each in islice(times.after(to_ms(noon)), 4)] == [13, 19, 1, 7]


def test_exact_times_are_sorted_and_told_once() -> None:
    """A list of moments is in order, each once, whatever zones they were written in."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rule = at(noon + timedelta(hours=2), noon.astimezone(ZoneInfo(BERLIN)), noon)

    assert list(Times((rule,)).after(to_ms(noon) - 1)) == [to_ms(noon), to_ms(noon + timedelta(hours=2))]


def test_bounds_and_exclusions() -> None:
    """Nothing is named before the start, after the end, or where an exclusion holds; both bounds belong to it."""
    first = datetime(2026, 12, 24, tzinfo=ZoneInfo(BERLIN))
    holidays = cron("* * 25,26 12 *", zone=BERLIN)
    times = Times((cron("0 0 * * *", zone=BERLIN),), (holidays,), first, first + timedelta(days=4))

    assert [times.local(each).day for each in times.after(0)] == [24, 27, 28]


def test_everything_excluded_is_nothing() -> None:
    """A schedule whose every time is excluded has none, and nobody waits for one for ever."""
    times = Times((cron("* * * * *"),), (cron("* * * * *"),))

    assert next(times.after(0), None) is None


@pytest.mark.parametrize(
    ("expression", "zone", "says"),
    [
        ("61 * * * *", "UTC", "Bad minute"),
        ("* * *", "UTC", "Wrong number of fields"),
        ("0 2 30 2 *", "UTC", "day-of-month"),
        ("* * */20 * 1L", "UTC", "names no time in fifty years"),
        ("0 2 * * *", "Europe/Berlim", "did you mean 'Europe/Berlin'?"),
        ("0 2 * * *", "../etc", "there is no time zone"),
    ],
)
def test_what_names_no_time_is_refused(expression: str, zone: str, says: str) -> None:
    """An expression or a zone that cannot be used is refused where it is written, with its reason."""
    with pytest.raises(ScheduleInvalid) as refusal:
        cron(expression, zone=zone)

    assert says in str(refusal.value)


def test_moments_without_a_zone_are_refused() -> None:
    """A naive datetime names no moment, and an interval under a second no schedule."""
    with pytest.raises(ScheduleInvalid, match="no time zone"):
        at(datetime(2026, 1, 1, 12))  # noqa: DTZ001
    with pytest.raises(ScheduleInvalid, match="too short"):
        every(timedelta(milliseconds=999))


def test_nothing_lies_past_the_ends_of_the_calendar() -> None:
    """An interval ends with the calendar instead of breaking on it; times at its ends are refused, and so are ages."""
    century = every(timedelta(days=36_525))

    assert [each.year for each in century.after(datetime(9700, 1, 1, tzinfo=UTC))] == [9770, 9870, 9970]
    with pytest.raises(ScheduleInvalid, match="longer than a hundred years"):
        every(timedelta(days=36_526))
    with pytest.raises(ScheduleInvalid, match="end of the calendar"):
        at(datetime.max.replace(tzinfo=UTC, microsecond=0))
