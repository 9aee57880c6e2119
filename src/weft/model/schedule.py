"""Schedules: which workflow is started at which times, and what happens when starts meet, are missed, or fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypedDict, TypeVar, Unpack, overload

from weft.codec import codec_for
from weft.errors import ScheduleInvalid
from weft.model.naming import judge_name
from weft.model.place import statement_place
from weft.model.run import RunStatus
from weft.model.timing import At, Cron, Every, Times, Timing, check_moment, to_ms
from weft.model.workflow import Workflow

Input = TypeVar("Input")

CATCHUP_WINDOW = timedelta(days=365)
SHORTEST_CATCHUP_WINDOW = timedelta(seconds=10)
MOST_TIMINGS = 100
"""Timings and exclusions of one schedule."""

MOST_TIMES = 1_000
"""Exact times of one schedule."""


class Overlap(Enum):
    """What happens when a time comes while the run of an earlier one goes on; the names are Temporal's."""

    SKIP = "skip"
    """The new one is left out."""
    BUFFER_ONE = "buffer-one"
    """One waits until the running one has ended; more are left out."""
    BUFFER_ALL = "buffer-all"
    """All wait, and are run one after the other."""
    CANCEL_OTHER = "cancel-other"
    """The running one is cancelled, undos and all; then the new one is started. The newest of those waiting wins."""
    TERMINATE_OTHER = "terminate-other"
    """The running one is terminated, without its undos, and the new one started in the same transaction."""
    ALLOW_ALL = "allow-all"
    """They run side by side."""


@dataclass(frozen=True)
class Occurrence:
    """Which time of which schedule a run was started for.

    Attributes:
        schedule: the schedule's id.
        at: the time that was named, without jitter or delay, on the clocks of the schedule's zone; the moment of the
            trigger for a run that was started by hand.
    """

    schedule: str
    at: datetime


@dataclass(frozen=True)
class ScheduleSpec:
    """A schedule in its stored form.

    Attributes:
        id: unique in the store; the ids of its runs begin with it.
        workflow: the workflow's name.
        times: when.
        input: the input's JSON, the same for each run; nothing where a run is given its Occurrence.
        overlap: what happens when a run of it still goes on.
        catchup_window: how late a start may be; what is later, because no engine ran, is left out and counted.
        pause_on_failure: whether a failed run pauses it.
        limit: runs that it may start by itself; nothing for no limit.
        within: how long each run may take.
        tenant: for whom its runs work.
        principal: on whose behalf.
    """

    id: str
    workflow: str
    times: Times
    input: str | None = None
    overlap: Overlap = Overlap.SKIP
    catchup_window: timedelta = CATCHUP_WINDOW
    pause_on_failure: bool = False
    limit: int | None = None
    within: timedelta | None = None
    tenant: str = ""
    principal: str = ""

    def run_id(self, at_ms: int, *, by_hand: bool = False) -> str:
        """Return the id of the run of one time: the same however often it is asked for, so that none starts twice."""
        moment = to_moment(at_ms)
        return f"{self.id}{'!' if by_hand else '@'}{moment}"


SPEC = codec_for(ScheduleSpec)


def to_moment(at_ms: int) -> str:
    """Return a time as it stands in the ids of runs: UTC, with milliseconds only where there are some."""
    return (
        Times(()).local(at_ms).isoformat(timespec="milliseconds" if at_ms % 1_000 else "seconds").replace("+00:00", "Z")
    )


class ScheduleOptions(TypedDict, total=False):
    """What a schedule may be told beside its workflow, times and input; see ScheduleSpec and Times.

    Attributes:
        excluding: times of these are left out.
        start: nothing before it.
        end: nothing after it.
        jitter: up to how much later each start is.
        overlap: skip by default.
        catchup_window: 365 days by default, ten seconds at least.
        pause_on_failure: no by default.
        limit: of runs that it starts by itself.
        within: how long each run may take.
        tenant: for whom its runs work.
        principal: on whose behalf.
    """

    excluding: Sequence[Cron]
    start: datetime
    end: datetime
    jitter: timedelta
    overlap: Overlap
    catchup_window: timedelta
    pause_on_failure: bool
    limit: int
    within: timedelta
    tenant: str
    principal: str


class Schedule:
    """Start a workflow at times: `Schedule("nightly", report, cron("0 2 * * *", zone="Europe/Berlin"), input=books)`.

    With `input=` each run is given that value; without, the workflow takes an `Occurrence` and is told its time. A
    workflow with another input asks for it with `occurrence()`.

    Args:
        id: unique in the store; the ids of its runs begin with it.
        workflow: of which.
        when: times; those of any of them count.
        input: of each run.
        options: see ScheduleOptions.

    Raises:
        ScheduleInvalid: a part of it cannot be used, or the parts do not fit.
    """

    @overload
    def __init__(
        self, id: str, workflow: Workflow[Occurrence, Any], /, *when: Timing, **options: Unpack[ScheduleOptions]
    ) -> None: ...
    @overload
    def __init__(
        self,
        id: str,
        workflow: Workflow[Input, Any],
        /,
        *when: Timing,
        input: Input,
        **options: Unpack[ScheduleOptions],
    ) -> None: ...
    def __init__(self, id: str, workflow: Workflow[Any, Any], /, *when: Timing, **options: Any) -> None:  # noqa: A002
        self.where = statement_place()
        self.workflow = workflow
        self.has_input = "input" in options
        self.input: Any = options.pop("input", None)
        self._spec = spec_of(id, workflow.name, *when, **options)

    @property
    def id(self) -> str:
        """Return its id."""
        return self._spec.id

    def spec(self, data: bytes | None) -> ScheduleSpec:
        """Return the stored form, with the input's bytes."""
        return replace(self._spec, input=None if data is None else data.decode())

    def __repr__(self) -> str:
        return f"<schedule {self.id}: {self.workflow.name}, {self._spec.times}>"


def spec_of(id: str, workflow: str, /, *when: Timing, **options: Unpack[ScheduleOptions]) -> ScheduleSpec:  # noqa: A002
    """Return the stored form of a schedule without an input.

    Raises:
        ScheduleInvalid: a part of it cannot be used, or the parts do not fit.
    """
    given: dict[str, Any] = dict(options)
    bounds = {name: given.pop(name) for name in ("start", "end", "jitter") if name in given}
    times = Times(when, tuple(given.pop("excluding", ())), **bounds)
    spec = ScheduleSpec(id, workflow, times, **given)
    check(spec)
    return spec


def check(spec: ScheduleSpec) -> None:
    """Refuse a schedule whose parts cannot be used together.

    Raises:
        ScheduleInvalid: which, and why.
    """
    problems = judge_name(spec.id, "schedule", "")
    if problems:
        raise ScheduleInvalid(problems[0].what, remedy=problems[0].remedy)
    for what, remedy in (_fault_of_times(spec.times), _fault_of_rules(spec)):
        if what:
            text = f"schedule {spec.id}: {what}"
            raise ScheduleInvalid(text, remedy=remedy)


def _fault_of_times(times: Times) -> tuple[str, str]:
    wrong = [each for each in times.any_of if not isinstance(each, (Cron, Every, At))]  # pyright: ignore[reportUnnecessaryIsInstance]
    if wrong or not times.any_of:
        return f"{wrong[0]!r} is no timing" if wrong else "it names no time", "give it cron(...), every(...) or at(...)"
    if len(times.any_of) + len(times.excluding) > MOST_TIMINGS:
        return f"it has more than {MOST_TIMINGS} timings", "make two schedules of it"
    if any(isinstance(each, At) and len(each.times) > MOST_TIMES for each in times.any_of):
        return f"it lists more than {MOST_TIMES:,} times", "start one run that sleeps until each of them"
    for bound in (times.start, times.end):
        if bound is not None:
            check_moment(bound)
    if times.start is not None and times.end is not None and times.end < times.start:
        return "it ends before it starts", "swap start= and end="
    if times.jitter < timedelta(0):
        return f"a jitter of {times.jitter} is no duration", "give it a jitter of zero or more"
    return "", ""


def _fault_of_rules(spec: ScheduleSpec) -> tuple[str, str]:
    if spec.catchup_window < SHORTEST_CATCHUP_WINDOW:
        least = f"{SHORTEST_CATCHUP_WINDOW.total_seconds():g} seconds"
        return f"a catch-up window of {spec.catchup_window} is too short", f"give it {least} at least"
    if spec.limit is not None and spec.limit < 1:
        return f"a limit of {spec.limit} runs starts none", "give it a limit of one at least, or pause it"
    if spec.within is not None and spec.within <= timedelta(0):
        return f"within={spec.within} leaves its runs no time", "give it a positive duration"
    return "", ""


@dataclass(frozen=True)
class Deed:
    """What somebody did to a schedule: create, update, pause, resume, trigger, backfill; with who and why."""

    at_ms: int
    what: str
    who: str
    why: str


@dataclass(frozen=True)
class ScheduledRun:
    """A run that a schedule started; times are milliseconds since 1970, `status` is nothing if it is not kept."""

    id: str
    at_ms: int
    started_ms: int
    by_hand: bool
    status: RunStatus | None = None


@dataclass(frozen=True)
class ScheduleCounts:
    """What became of the times of a schedule so far.

    Attributes:
        started: runs, those by hand among them.
        skipped: left out because a run was still going on.
        missed: left out because they were later than the catch-up window.
        dropped: left out because too many waited.
        repeated: left out because their run was there already.
    """

    started: int = 0
    skipped: int = 0
    missed: int = 0
    dropped: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class ScheduleView:
    """A schedule as it stands.

    Attributes:
        spec: what it says.
        declared: whether the System's code declares it.
        paused: whether it starts nothing by itself.
        note: why it is paused.
        trouble: why it cannot start anything; empty while all is well.
        next: its next times, on the clocks of its zone, without jitter; none while it is paused or has come to its end.
        remaining: runs that it may still start by itself; nothing for no limit.
        counts: what became of its times.
        running: ids of its runs that go on, as far as its overlap policy asks for them.
        waiting: times whose runs wait for another one to end, in order.
        backfills: ranges that are still being filled: from, until.
        recent: its last runs, the newest first.
        deeds: what people did to it, the newest first.
    """

    spec: ScheduleSpec
    declared: bool
    paused: bool
    note: str
    trouble: str
    next: tuple[datetime, ...]
    remaining: int | None
    counts: ScheduleCounts
    running: tuple[str, ...]
    waiting: tuple[datetime, ...]
    backfills: tuple[tuple[datetime, datetime], ...]
    recent: tuple[ScheduledRun, ...]
    deeds: tuple[Deed, ...]


def range_of(start: datetime, end: datetime) -> tuple[int, int]:
    """Return a range of times in milliseconds, both ends in it.

    Raises:
        ScheduleInvalid: it is none.
    """
    check_moment(start)
    check_moment(end)
    if end < start:
        what = f"the range from {start.isoformat()} to {end.isoformat()} ends before it starts"
        raise ScheduleInvalid(what, remedy="swap its ends")
    return to_ms(start), to_ms(end)
