"""What a schedule does at a moment: a function of what it says, where it stands, and the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from weft.engine.embedded.schedules.state import (
    RECENT,
    WAITING_AT_MOST,
    WATCHED_AT_MOST,
    Backfill,
    Going,
    State,
    Waiting,
)
from weft.ids import digest
from weft.model.schedule import Overlap, ScheduleCounts, ScheduledRun, ScheduleSpec
from weft.model.timing import MILLISECOND

TIMES_AT_ONCE = 500
"""Times decided in one visit; the rest comes with the next, after what else is to be done."""

STARTS_AT_ONCE = 100
"""Runs started in one visit."""


class Now(NamedTuple):
    """The time, and `exists`, which tells whether there is, or has been, a run of an id."""

    ms: int
    exists: Callable[[str], bool]


class Start(NamedTuple):
    """A run to start, for one time."""

    run_id: str
    at_ms: int


@dataclass(frozen=True)
class Decision:
    """What is to be done, all of it in one transaction with the new state.

    Attributes:
        state: where the schedule stands then.
        next_ms: when it is to be looked at again; nothing unless something happens.
        starts: runs to start, in order.
        cancels: ids of runs to cancel.
        terminations: ids of runs to terminate, before anything is started.
    """

    state: State
    next_ms: int | None
    starts: tuple[Start, ...] = ()
    cancels: tuple[str, ...] = ()
    terminations: tuple[str, ...] = ()


def visit(spec: ScheduleSpec, state: State, now: Now) -> Decision:
    """Decide what the time asks for: what may go on, the ranges to fill, and what is due."""
    deciding = _Deciding(spec, state, now)
    deciding.go_on()
    deciding.fill()
    return deciding.decision()


def without(spec: ScheduleSpec, state: State, run_id: str, *, failed: bool) -> State:
    """Return where a schedule stands once a run of it goes on no more; `failed` if nobody wanted that."""
    state = replace(state, going=tuple(each for each in state.going if each.run_id != run_id))
    if failed and spec.pause_on_failure and not state.paused:
        return replace(state, paused=True, note=f"run {run_id} failed")
    return state


def trigger(spec: ScheduleSpec, state: State, now: Now, *, overlap: Overlap) -> Decision:
    """Decide what a trigger by hand asks for; the id of its run is one that no other run has."""
    at_ms = now.ms
    known = {each.run_id for each in state.waiting}
    while (run_id := spec.run_id(at_ms, by_hand=True)) in known or now.exists(run_id):
        at_ms += 1
    deciding = _Deciding(spec, state, now)
    deciding.go_on()
    deciding.admit(Waiting(run_id, at_ms, overlap, by_hand=True))
    return deciding.decision()


def dues(spec: ScheduleSpec, after_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the times after one, each with when it is done: later by its share of the jitter, before the next."""
    jitter_ms = spec.times.jitter // MILLISECOND
    times = spec.times.after(after_ms)
    if not jitter_ms:
        yield from ((at_ms, at_ms) for at_ms in times)
        return
    at_ms = next(times, None)
    while at_ms is not None:
        following = next(times, None)
        room_ms = jitter_ms if following is None else min(jitter_ms, following - at_ms - 1)
        yield at_ms, at_ms + share(spec.id, at_ms, room_ms)
        at_ms = following


def share(schedule: str, at_ms: int, room_ms: int) -> int:
    """Return how much later one time of a schedule is done: the same each time it is asked, from 0 to the room."""
    return int.from_bytes(digest(f"{schedule}/{at_ms}".encode())[:8], "big") % (room_ms + 1)


@dataclass
class _Counting:
    started: int
    skipped: int
    missed: int
    dropped: int
    repeated: int


class _Deciding:
    """One decision while it is made."""

    def __init__(self, spec: ScheduleSpec, state: State, now: Now) -> None:
        self._spec = spec
        self._before = state
        self._now = now
        self._going = list(state.going)
        self._waiting = list(state.waiting)
        self._recent = list(state.recent)
        self._backfills = state.backfills
        self._is_filling = False
        self._counts = _Counting(**vars(state.counts))
        self._remaining = state.remaining
        self._done_ms = state.done_ms
        self._starts: dict[str, Start] = {}
        self._cancels: list[str] = []
        self._terminations: list[str] = []

    @property
    def _is_busy(self) -> bool:
        return any(each.alone for each in self._going)

    @property
    def _is_exhausted(self) -> bool:
        return self._remaining is not None and self._remaining <= 0

    def _may_go(self, item: Waiting) -> bool:
        return item.by_hand or not self._before.paused

    def go_on(self) -> None:
        """Start what waits, in order, while nothing is in its way."""
        while not self._is_busy:
            item = next((each for each in self._waiting if self._may_go(each)), None)
            if item is None:
                return
            self._waiting.remove(item)
            self._start(item)

    def fill(self) -> None:
        """Take the next times of the ranges that are being filled."""
        left: list[Backfill] = []
        budget = STARTS_AT_ONCE
        for filled in self._backfills:
            after_ms = filled.after_ms
            for at_ms in self._spec.times.after(after_ms):
                if at_ms > filled.until_ms:
                    break
                if filled.overlap is Overlap.BUFFER_ALL and len(self._waiting) >= WAITING_AT_MOST:
                    left.append(replace(filled, after_ms=after_ms))  # goes on once a run has ended
                    break
                if not budget:
                    self._is_filling = True
                    left.append(replace(filled, after_ms=after_ms))
                    break
                budget -= 1
                after_ms = at_ms
                self.admit(Waiting(self._spec.run_id(at_ms), at_ms, filled.overlap, by_hand=True))
        self._backfills = tuple(left)

    def _take_due(self) -> int | None:
        """Take the times that are due, and return when the next one is."""
        if self._before.paused:
            return None
        window_ms = self._spec.catchup_window // MILLISECOND
        for number, (at_ms, due_ms) in enumerate(dues(self._spec, self._done_ms)):
            if self._is_exhausted:
                return None
            if due_ms > self._now.ms or number >= TIMES_AT_ONCE or len(self._starts) >= STARTS_AT_ONCE:
                return due_ms
            self._done_ms = at_ms
            if self._now.ms - due_ms > window_ms:
                self._counts.missed += 1
            else:
                self.admit(Waiting(self._spec.run_id(at_ms), at_ms, self._spec.overlap, by_hand=False))
        return None

    def admit(self, item: Waiting) -> None:
        """Start the run of a time, or let it wait, or leave it out, as its overlap policy says."""
        overlap = item.overlap
        known = item.run_id in self._starts or any(each.run_id == item.run_id for each in self._waiting)
        if known or self._now.exists(item.run_id):
            self._counts.repeated += 1
            return
        if overlap in {Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER}:
            self._retract()
        if overlap is Overlap.TERMINATE_OTHER:
            self._terminations += [each.run_id for each in self._going if each.alone]
            self._going = [each for each in self._going if not each.alone]
        is_free = not self._is_busy and not any(self._may_go(each) for each in self._waiting)
        if is_free or overlap in {Overlap.ALLOW_ALL, Overlap.TERMINATE_OTHER}:
            self._start(item)
        elif overlap is Overlap.SKIP or (overlap is Overlap.BUFFER_ONE and self._waiting):
            self._counts.skipped += 1
        elif overlap is Overlap.CANCEL_OTHER:
            self._cancel_others()
            self._waiting.append(item)
        elif len(self._waiting) >= WAITING_AT_MOST:
            self._counts.dropped += 1
        else:
            self._waiting.append(item)

    def _retract(self) -> None:
        """Leave out what this very decision would start only to end it: of times that are late, the newest wins."""
        for each in [each for each in self._going if each.alone and each.run_id in self._starts]:
            del self._starts[each.run_id]
            self._going.remove(each)
            ran = next(ran for ran in self._recent if ran.id == each.run_id)
            self._recent.remove(ran)
            self._counts.started -= 1
            self._counts.skipped += 1
            if not ran.by_hand and self._remaining is not None:
                self._remaining += 1

    def _cancel_others(self) -> None:
        self._cancels += [each.run_id for each in self._going if each.alone and not each.cancelled]
        self._going = [replace(each, cancelled=True) if each.alone else each for each in self._going]
        left = [each for each in self._waiting if each.overlap is not Overlap.CANCEL_OTHER]
        self._counts.skipped += len(self._waiting) - len(left)
        self._waiting = left

    def _start(self, item: Waiting) -> None:
        if not item.by_hand and self._remaining is not None:
            if self._is_exhausted:
                self._counts.skipped += 1
                return
            self._remaining -= 1
        is_alone = item.overlap is not Overlap.ALLOW_ALL
        if is_alone or (self._spec.pause_on_failure and len(self._going) < WATCHED_AT_MOST):
            self._going.append(Going(item.run_id, is_alone))
        self._starts[item.run_id] = Start(item.run_id, item.at_ms)
        self._recent.append(ScheduledRun(item.run_id, item.at_ms, self._now.ms, item.by_hand))
        self._counts.started += 1

    def decision(self) -> Decision:
        """Take what is due, and return what was decided."""
        next_ms = self._take_due()
        state = replace(
            self._before,
            done_ms=self._done_ms,
            remaining=self._remaining,
            counts=ScheduleCounts(**vars(self._counts)),
            waiting=tuple(self._waiting),
            going=tuple(self._going),
            backfills=self._backfills,
            recent=tuple(self._recent[-RECENT:]),
        )
        look_ms = self._now.ms if self._is_filling else next_ms
        starts = tuple(self._starts.values())
        return Decision(state, look_ms, starts, tuple(self._cancels), tuple(self._terminations))
