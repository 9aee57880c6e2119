"""Keeps schedules: looks at each when it is due, and starts its runs in the transaction of its new state."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol

from weft.clock import Alarm, Clock
from weft.codec import codec_for
from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.schedules import deciding, table
from weft.engine.embedded.schedules.deciding import Decision, Now
from weft.engine.embedded.schedules.state import State, begin
from weft.engine.embedded.schedules.table import Kept
from weft.engine.embedded.shelf import Shelf
from weft.engine.execution.entries import LATE, CancelAsked, storable
from weft.engine.execution.execution import Identity
from weft.errors import RunClosed, ScheduleInvalid, ScheduleNotFound, StoreFailed, WeftError
from weft.ids import Ids
from weft.model.call import Behalf
from weft.model.run import RunStatus
from weft.model.schedule import Occurrence, ScheduleSpec
from weft.model.spec import WorkflowSpec
from weft.model.timing import MILLISECOND

log = logging.getLogger("weft.engine")

VISITS_AT_ONCE = 100
"""Schedules looked at before the loop gets a turn."""

LOOKS_AT_ONCE = 500
"""Schedules read at once when the store is opened."""

OCCURRENCE = codec_for(Occurrence)


class Worker(Protocol):
    """Who begins runs and ends them."""

    journal: Journal
    shelf: Shelf

    def begin(
        self,
        identity: Identity,
        data: bytes,
        *,
        behalf: Behalf,
        within_ms: int | None = None,
        occurrence: bytes = b"",
    ) -> None:
        """Start a run that does not exist."""
        ...

    def find(self, workflow: str, run_id: str) -> LiveRun | None:
        """Return a run, loaded if it is open; nothing if there is none."""
        ...

    def cancel(self, live: LiveRun, asked: CancelAsked) -> None:
        """Ask a run to cancel."""
        ...

    def terminate(self, live: LiveRun, *, who: str, why: str) -> None:
        """End a run without its undos."""
        ...


class Parts(NamedTuple):
    """What a keeper works with."""

    worker: Worker
    clock: Clock
    ids: Ids


class Keeper:
    """Looks at schedules; its methods are called in plain callbacks.

    What a schedule decides and where it stands then is one transaction with the runs that it starts, cancels or
    terminates, and the id of a run follows from its schedule and its time: a crash before the commit leaves
    everything to be decided again, a crash after it leaves nothing to do.
    """

    def __init__(self, parts: Parts, *, broken: Callable[[StoreFailed], None]) -> None:
        self._worker, self._clock, self._ids = parts
        self._broken = broken
        self._workflows: Mapping[str, WorkflowSpec] = {}
        self._pending: dict[str, Kept | None] = {}
        self._writes: Counter[str] = Counter()
        self._watched: dict[tuple[str, str], str] = {}
        self._alarm: Alarm | None = None
        self._alarm_ms = 0
        self._open = False
        self._closed = False

    # Opening and closing.

    def prepare(self, workflows: Mapping[str, WorkflowSpec], declared: Sequence[ScheduleSpec]) -> None:
        """Take over what the System's code declares, before anything is started."""
        self._workflows = workflows
        now_ms = self._clock.now_ms()
        names = {spec.id for spec in declared}
        for name in table.declared(self.reader):
            if name not in names:
                self.write(name, None)
        for spec in declared:
            kept = self.find(spec.id)
            if kept is None:
                self.write(spec.id, Kept(spec, begin(spec, now_ms, declared=True), now_ms))
            elif kept.spec != spec or not kept.state.declared:
                self.write(spec.id, Kept(spec, replace(self.renewed(kept, spec), declared=True), now_ms))

    def look(self, after: str) -> str | None:
        """Look at those whose runs may have ended while no engine ran; return behind which to look on, if at all."""
        names = table.to_look_at(self.reader, after=after, limit=LOOKS_AT_ONCE)
        for name in names:
            self._look_at(name)
        return names[-1] if len(names) == LOOKS_AT_ONCE else None

    def open(self) -> None:
        """Begin to start what is due."""
        self._open = True
        self._arm()

    def close(self) -> None:
        """Start nothing more."""
        self._open, self._closed = False, True
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # What is kept.

    @property
    def reader(self) -> table.Reader:
        """Return where rows are read."""
        return self._worker.shelf.store

    @property
    def now_ms(self) -> int:
        """Return the time."""
        return self._clock.now_ms()

    def find(self, schedule: str) -> Kept | None:
        """Return a schedule as it stands, also where that is not on disk yet."""
        return self._pending[schedule] if schedule in self._pending else table.find(self.reader, schedule)

    def get(self, schedule: str) -> Kept:
        """Return a schedule.

        Raises:
            ScheduleNotFound: there is none.
        """
        kept = self.find(schedule)
        if kept is None:
            what = f"there is no schedule {schedule!r}"
            raise ScheduleNotFound(what)
        return kept

    def write(self, schedule: str, kept: Kept | None) -> None:
        """Keep a schedule as it stands now, or forget it."""
        writer = self._worker.journal.writer
        if writer.batch.schedules is None:
            writer.batch.schedules = {}
        writer.batch.schedules[schedule] = None if kept is None else kept.row()
        self._pending[schedule] = kept
        self._writes[schedule] += 1
        writer.after_commit(partial(self._written, schedule))
        writer.schedule()
        if kept is not None and kept.next_ms is not None:
            self._arm_at(kept.next_ms)

    def _written(self, schedule: str) -> None:
        self._writes[schedule] -= 1
        if not self._writes[schedule]:
            del self._writes[schedule], self._pending[schedule]

    def renewed(self, kept: Kept, spec: ScheduleSpec) -> State:
        """Return where a schedule stands that says something else now: new times count from now on."""
        state = kept.state
        if spec.times != kept.spec.times:
            state = replace(state, done_ms=max(state.done_ms, self.now_ms))
        return state if spec.limit == kept.spec.limit else replace(state, remaining=spec.limit)

    def checked(self, spec: ScheduleSpec) -> ScheduleSpec:
        """Return a schedule whose workflow there is, with the input as its workflow writes it.

        Raises:
            ScheduleInvalid: there is no such workflow, or it takes another input.
        """
        workflow = self._workflows.get(spec.workflow)
        if workflow is None:
            what = f"schedule {spec.id}: the System has no workflow {spec.workflow!r}"
            raise ScheduleInvalid(what, remedy=f"name one of: {', '.join(sorted(self._workflows))}")
        sample = OCCURRENCE.encode(Occurrence(spec.id, spec.times.local(self.now_ms)))
        try:
            data = workflow.input.encode(workflow.input.decode(sample if spec.input is None else spec.input.encode()))
        except WeftError as error:
            what = f"schedule {spec.id}: {spec.workflow} does not take this input: {error.what}"
            raise ScheduleInvalid(what, remedy="give the input that the workflow declares") from error
        return spec if spec.input is None else replace(spec, input=data.decode())

    # What is done.

    def visit(self, schedule: str) -> None:
        """Look at a schedule: what has ended, what may go on, what is due."""
        kept = self.find(schedule)
        if kept is None:
            return
        state = self._settled(kept)
        if kept.spec.workflow in self._workflows:
            state = replace(state, trouble="")
            self.carry_out(kept, deciding.visit(kept.spec, state, self.now(kept)))
        else:
            # Its next time stays undecided: it is looked at again by an engine whose System has the workflow.
            trouble = f"the System has no workflow {kept.spec.workflow!r} any more"
            self.carry_out(kept, Decision(replace(state, trouble=trouble), None))

    def now(self, kept: Kept) -> Now:
        """Return the time, and what tells which runs of a schedule there are."""
        return Now(self.now_ms, partial(self._is_there, kept.spec.workflow))

    def _is_there(self, workflow: str, run_id: str) -> bool:
        return self.status(workflow, run_id) is not None

    def status(self, workflow: str, run_id: str) -> RunStatus | None:
        """Return how a run stands; one whose end is on its way to the disk still runs."""
        if self._worker.shelf.loaded(workflow, run_id) is not None:
            return RunStatus.RUNNING
        row = self._worker.shelf.store.find(workflow, run_id)
        return None if row is None else RunStatus(row.status)

    def _settled(self, kept: Kept) -> State:
        """Return where a schedule stands without the runs that have ended."""
        state = kept.state
        for going in kept.state.going:
            status = self.status(kept.spec.workflow, going.run_id)
            if status is None or not status.is_open:
                failed = status is RunStatus.FAILED or self._was_late(kept.spec.workflow, going.run_id)
                state = deciding.without(kept.spec, state, going.run_id, failed=failed)
        return state

    def _was_late(self, workflow: str, run_id: str) -> bool:
        row = self._worker.shelf.store.find(workflow, run_id)
        return row is not None and row.status == RunStatus.CANCELLED and LATE in row.reason

    def carry_out(self, kept: Kept, decision: Decision) -> None:
        """Do what was decided, all of it in one transaction with the new state."""
        spec = kept.spec
        who, why = f"schedule {spec.id}", f"its next run is due ({spec.overlap.value})"
        for run_id in decision.terminations:
            self._end(spec, run_id, partial(self._worker.terminate, who=who, why=why))
        for run_id in decision.cancels:
            self._end(spec, run_id, partial(self._worker.cancel, asked=CancelAsked(who, why)))
        for start in decision.starts:
            self._start(spec, start)
        for going in decision.state.going:
            self._watched[spec.workflow, going.run_id] = spec.id
        if (decision.state, decision.next_ms) != kept[1:]:
            self.write(spec.id, Kept(spec, decision.state, decision.next_ms))

    def _end(self, spec: ScheduleSpec, run_id: str, end: Callable[[LiveRun], None]) -> None:
        with suppress(RunClosed):  # its end is on its way to the disk
            live = self._worker.find(spec.workflow, run_id)
            if live is not None:
                end(live)

    def _start(self, spec: ScheduleSpec, start: deciding.Start) -> None:
        occurrence = OCCURRENCE.encode(Occurrence(spec.id, spec.times.local(start.at_ms)))
        self._worker.begin(
            Identity(spec.workflow, start.run_id, self._ids.new_id()),
            occurrence if spec.input is None else spec.input.encode(),
            behalf=Behalf(spec.tenant, spec.principal),
            within_ms=None if spec.within is None else max(1, -(-spec.within // MILLISECOND)),
            occurrence=occurrence,
        )

    def ended(self, workflow: str, run_id: str) -> None:
        """Look at the schedule of a run that has ended, once that is on disk, if anything there waits for the end.

        Else nothing is written for it: at its next time a schedule looks itself which of its runs go on.
        """
        schedule = self._watched.pop((workflow, run_id), None) if self._watched else None
        if schedule is not None and not self._closed:
            kept = self.find(schedule)
            if kept is not None and kept.must_look:
                self._look_at(schedule)

    # When.

    def _arm(self) -> None:
        """Set the alarm for the earliest of all: one for ten thousand schedules."""
        soon = [kept.next_ms for kept in self._pending.values() if kept is not None and kept.next_ms is not None]
        rows = table.earliest(self.reader, len(self._pending) + 1)
        soon += [next_ms for name, next_ms in rows if name not in self._pending]
        if soon:
            self._arm_at(min(soon))

    def _arm_at(self, due_ms: int) -> None:
        if not self._open or (self._alarm is not None and self._alarm_ms <= due_ms):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ms = due_ms
        self._alarm = self._clock.call_at(due_ms, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if not self._open:
            return
        try:
            for name in self._due():
                self._look_at(name)
        except StoreFailed as error:
            self._broken(error)
        finally:
            # Whatever went wrong: without an alarm nothing would ever be started again.
            self._arm()

    def _due(self) -> list[str]:
        now_ms = self.now_ms
        rows = table.earliest(self.reader, len(self._pending) + VISITS_AT_ONCE)
        due = [name for name, next_ms in rows if next_ms <= now_ms and name not in self._pending]
        due += [name for name, kept in self._pending.items() if kept and (kept.next_ms or now_ms + 1) <= now_ms]
        return due[:VISITS_AT_ONCE]

    def _look_at(self, schedule: str) -> None:
        try:
            self.visit(schedule)
        except StoreFailed:
            raise
        except Exception as error:  # a border: one schedule must not keep the others from their times
            log.exception("schedule %s could not be looked at", schedule)
            kept = self.find(schedule)
            if kept is not None:
                trouble = storable(f"{type(error).__name__}: {error}")
                self.write(schedule, Kept(kept.spec, replace(kept.state, trouble=trouble), None))
