"""What a schedule decides, against a model that is too simple to be wrong, and laws that hold for any history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.engine.embedded.schedules import deciding
from weft.engine.embedded.schedules.deciding import Now
from weft.engine.embedded.schedules.state import Backfill, State, begin
from weft.model.schedule import Overlap, ScheduleSpec, spec_of
from weft.model.timing import every

MINUTE_MS = 60_000
START_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000


def rule(overlap: Overlap, window: timedelta = timedelta(days=1), limit: int | None = None) -> ScheduleSpec:
    """Return a schedule of every minute."""
    limited = {} if limit is None else {"limit": limit}
    return spec_of("each", "work", every(timedelta(minutes=1)), overlap=overlap, catchup_window=window, **limited)


@dataclass
class Model:
    """One run at a time, a line of minutes that wait, and what was left out: by the words of each policy."""

    overlap: Overlap
    running: set[int] = field(default_factory=set)
    line: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    terminated: list[int] = field(default_factory=list)
    skipped: int = 0

    def tick(self, minute: int) -> None:
        """A time comes."""
        if not self.running or self.overlap is Overlap.ALLOW_ALL:
            self.start(minute)
        elif self.overlap is Overlap.TERMINATE_OTHER:
            self.terminated += self.running
            self.running = set()
            self.start(minute)
        elif self.overlap is Overlap.CANCEL_OTHER:
            self.cancelled += [each for each in self.running if each not in self.cancelled]
            self.skipped += len(self.line)
            self.line = [minute]
        elif self.overlap is Overlap.BUFFER_ALL or (self.overlap is Overlap.BUFFER_ONE and not self.line):
            self.line.append(minute)
        else:
            self.skipped += 1

    def start(self, minute: int) -> None:
        """A run begins."""
        self.running.add(minute)
        self.started.append(minute)

    def end(self) -> None:
        """The run that has gone on longest ends."""
        if self.running:
            self.running.remove(min(self.running))
            if self.line:
                self.start(self.line.pop(0))


class Engine:
    """Carries out what is decided, on paper."""

    def __init__(self, spec: ScheduleSpec) -> None:
        self.spec = spec
        self.state = begin(spec, START_MS, declared=False)
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.terminated: list[int] = []
        self.open: list[str] = []
        self.known: set[str] = set()
        self.next_ms: int | None = START_MS

    def do(self, state: State, now_ms: int) -> None:
        """Look at the schedule at a time."""
        made = deciding.visit(self.spec, state, Now(now_ms, self.known.__contains__))
        for run_id in made.terminations:
            self.open.remove(run_id)
            self.terminated.append(self.minute(run_id))
        self.cancelled += map(self.minute, made.cancels)
        for start in made.starts:
            assert start.run_id not in self.known, "no run is started twice"
            self.known.add(start.run_id)
            self.open.append(start.run_id)
            self.started.append((start.at_ms - START_MS) // MINUTE_MS)
        self.state, self.next_ms = made.state, made.next_ms

    def minute(self, run_id: str) -> int:
        """Return which minute a run was started for."""
        moment = datetime.fromisoformat(run_id.partition("@")[2])
        return (int(moment.timestamp()) * 1_000 - START_MS) // MINUTE_MS

    def end(self, now_ms: int) -> None:
        """The run that has gone on longest ends."""
        if self.open:
            run_id = min(self.open, key=self.minute)
            self.open.remove(run_id)
            self.do(deciding.without(self.spec, self.state, run_id, failed=False), now_ms)


@settings(max_examples=300)
@given(overlap=st.sampled_from(Overlap), ends=st.lists(st.integers(0, 2), min_size=1, max_size=15))
def test_each_policy_does_what_its_model_does(overlap: Overlap, ends: list[int]) -> None:
    """Whatever ends between the minutes, the same is started, cancelled, terminated, waiting and left out."""
    engine, model = Engine(rule(overlap)), Model(overlap)
    for minute, count in enumerate(ends, 1):
        now_ms = START_MS + minute * MINUTE_MS
        engine.do(engine.state, now_ms)
        model.tick(minute)
        for _ in range(count):
            engine.end(now_ms + 1)
            model.end()

    waiting = [engine.minute(each.run_id) for each in engine.state.waiting]
    assert (engine.started, engine.cancelled, engine.terminated) == (model.started, model.cancelled, model.terminated)
    assert (waiting, engine.state.counts.skipped) == (model.line, model.skipped)


@settings(max_examples=200)
@given(
    overlap=st.sampled_from(Overlap),
    steps=st.lists(st.tuples(st.integers(-30, 400), st.booleans()), min_size=1, max_size=12),
    window=st.integers(10, 6_000),
    limit=st.one_of(st.none(), st.integers(1, 20)),
)
def test_every_time_is_accounted_for_once(
    overlap: Overlap, steps: list[tuple[int, bool]], window: int, limit: int | None
) -> None:
    """Late, early or again, each time is started, left out, missed or waiting, once; none of them twice, none lost."""
    engine, now_ms = Engine(rule(overlap, timedelta(seconds=window), limit)), START_MS
    for minutes, has_ended in steps:
        now_ms += minutes * MINUTE_MS
        if has_ended:
            engine.end(now_ms)
        engine.do(engine.state, now_ms)
        while engine.next_ms is not None and engine.next_ms <= now_ms:
            engine.do(engine.state, now_ms)

    counts, done = engine.state.counts, (engine.state.done_ms - START_MS) // MINUTE_MS
    left = counts.skipped + counts.missed + counts.dropped + counts.repeated
    assert len(engine.started) + left + len(engine.state.waiting) == done
    assert counts.started == len(engine.started) <= (limit or done)
    assert sum(each.alone for each in engine.state.going) <= 1


@settings(max_examples=100)
@given(overlap=st.sampled_from(Overlap), first=st.integers(1, 300), count=st.integers(0, 300))
def test_ranges_are_filled_to_their_end(overlap: Overlap, first: int, count: int) -> None:
    """However a range is filled, each of its times that has no run yet is decided once, by its own policy."""
    engine = Engine(rule(Overlap.SKIP))
    now_ms = START_MS + 600 * MINUTE_MS
    after_ms = START_MS + first * MINUTE_MS - 1
    filled = Backfill(after_ms, after_ms + 1 + count * MINUTE_MS, overlap)
    state = State(now_ms, paused=True, backfills=(filled,))
    engine.do(state, now_ms)
    while engine.state.backfills or engine.state.waiting:
        engine.end(now_ms)

    counts = engine.state.counts
    assert counts.started + counts.skipped + counts.repeated == count + 1
    assert len(set(engine.started)) == len(engine.started)
    if overlap in {Overlap.ALLOW_ALL, Overlap.BUFFER_ALL}:
        assert engine.started == list(range(first, first + count + 1))


@given(jitter=st.integers(1, 10**7), after=st.integers(0, 10**9))
def test_jitter_keeps_every_time_before_the_next(jitter: int, after: int) -> None:
    """Jitter makes a time later, by no more than it says, and never lets it pass the next one."""
    spec = spec_of("each", "work", every(timedelta(minutes=1)), jitter=timedelta(milliseconds=jitter))
    found = deciding.dues(spec, START_MS + after)
    taken = [next(found) for _ in range(20)]

    assert all(at_ms <= due_ms <= at_ms + min(jitter, MINUTE_MS - 1) for at_ms, due_ms in taken)
    assert [deciding.dues(spec, at_ms - 1).__next__() for at_ms, _ in taken] == taken
