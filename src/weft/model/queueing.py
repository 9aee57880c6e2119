"""How runs wait for their turn: how many of a workflow may be at work at once, and what a start says about its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from weft.errors import QueueingInvalid
from weft.model.problem import Problem

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

HIGHEST_PRIORITY = 1_000
LOWEST_PRIORITY = -1_000


class AtOnce(NamedTuple):
    """How many runs of a workflow may be at work at the same time; nothing for any number.

    Attributes:
        total: of all.
        each_key: of those that were started with the same key; runs without a key do not count.
    """

    total: int | None = None
    each_key: int | None = None

    def __bool__(self) -> bool:
        """Tell whether there is a limit."""
        return self.total is not None or self.each_key is not None


NO_LIMIT = AtOnce()


class Queueing(NamedTuple):
    """What a start says about its turn.

    Attributes:
        key: whose it is: keys take turns.
        priority: the larger goes first.
        at_ms: not before this time, in milliseconds since 1970.
        after_ms: not before this long after it was asked for.
    """

    key: str = ""
    priority: int = 0
    at_ms: int | None = None
    after_ms: int | None = None

    def since(self, now_ms: int) -> Queueing:
        """Return it with the time at which it may begin in the place of a duration."""
        return self if self.after_ms is None else self._replace(at_ms=now_ms + self.after_ms, after_ms=None)


FIRST_COME = Queueing()
"""What a start says that says nothing."""


def queueing(
    *, key: str = "", priority: int = 0, at: datetime | None = None, after: timedelta | None = None
) -> Queueing:
    """Return what a start says about its turn.

    Args:
        key: whose it is; empty for nobody's.
        priority: from -1,000 to 1,000, the larger goes first.
        at: not before this time, which has a time zone; a time that has passed is now.
        after: not before this long from now, not negative.

    Raises:
        QueueingInvalid: it cannot be so.
    """
    if at is not None and after is not None:
        what = "a start says both `at` and `after`"
        raise QueueingInvalid(what, remedy="say one of them")
    if at is not None and at.tzinfo is None:
        what = f"at={at.isoformat()} has no time zone"
        raise QueueingInvalid(what, remedy="use an aware datetime: `datetime(..., tzinfo=UTC)`")
    if after is not None and after < timedelta(0):
        what = f"after={after} is in the past"
        raise QueueingInvalid(what, remedy="leave it out to start now")
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        what = f"priority={priority} is not from {LOWEST_PRIORITY:,} to {HIGHEST_PRIORITY:,}"
        raise QueueingInvalid(what, remedy="use a few numbers around 0; the larger goes first")
    return Queueing(
        key,
        priority,
        None if at is None else -(-(at - EPOCH) // MILLISECOND),
        None if after is None else -(-after // MILLISECOND),
    )


def judge_at_once(limits: AtOnce, label: str, where: str) -> Iterator[Problem]:
    """Find limits that let nothing run."""
    for name, limit in (("at_once", limits.total), ("at_once_per_key", limits.each_key)):
        if limit is not None and not (type(limit) is int and limit >= 1):
            what = f"{label}: {name}={limit!r} is no number of runs"
            yield Problem(where, what, f"write a whole number from 1 on, or leave out {name}")
