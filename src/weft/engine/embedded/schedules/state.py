"""Where a schedule stands: everything that its next decision depends on, besides what it says itself."""

from __future__ import annotations

from dataclasses import dataclass

from weft.codec import codec_for
from weft.model.schedule import Deed, Overlap, ScheduleCounts, ScheduledRun, ScheduleSpec

WAITING_AT_MOST = 1_000
"""Times that wait for a run to end; more are dropped and counted, those of a backfill wait outside."""

WATCHED_AT_MOST = 1_000
"""Runs side by side of which a schedule looks whether one fails."""

BACKFILLS_AT_MOST = 10
"""Ranges of one schedule that are filled at the same time."""

RECENT = 10
"""Last runs that a schedule remembers."""

DEEDS = 20
"""Last deeds of people that a schedule remembers."""


@dataclass(frozen=True)
class Waiting:
    """A time whose run waits until another one has ended; `by_hand` for triggers and ranges, which no pause holds."""

    run_id: str
    at_ms: int
    overlap: Overlap
    by_hand: bool


@dataclass(frozen=True)
class Going:
    """A run that goes on; `alone` if no other one may run beside it, `cancelled` once it was asked to end."""

    run_id: str
    alone: bool
    cancelled: bool = False


@dataclass(frozen=True)
class Backfill:
    """A range that is being filled: the times after one, up to another."""

    after_ms: int
    until_ms: int
    overlap: Overlap


NOTHING_YET = ScheduleCounts()


@dataclass(frozen=True)
class State:
    """Where a schedule stands.

    Attributes:
        done_ms: the times up to this one are decided, by whatever clock that was.
        declared: the System's code declares it.
        trouble: why nothing can be started.
        others: as in ScheduleView; the newest come last.
    """

    done_ms: int
    declared: bool = False
    paused: bool = False
    note: str = ""
    trouble: str = ""
    remaining: int | None = None
    counts: ScheduleCounts = NOTHING_YET
    waiting: tuple[Waiting, ...] = ()
    going: tuple[Going, ...] = ()
    backfills: tuple[Backfill, ...] = ()
    recent: tuple[ScheduledRun, ...] = ()
    deeds: tuple[Deed, ...] = ()


STATE = codec_for(State)


def begin(spec: ScheduleSpec, now_ms: int, *, declared: bool) -> State:
    """Return where a new schedule stands: what came before is none of its times."""
    return State(now_ms, declared=declared, remaining=spec.limit)
