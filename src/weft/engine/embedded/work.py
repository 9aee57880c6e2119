"""What happens to runs: they begin, their commands are carried out, outcomes and timers are told, they end."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial

from weft.clock import Clock
from weft.engine.embedded.children import Children, children_in
from weft.engine.embedded.failures import reason_of
from weft.engine.embedded.generations import PYTHON
from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import IN_FLIGHT, CallState, LiveRun
from weft.engine.embedded.operators import Operators
from weft.engine.embedded.post import Post
from weft.engine.embedded.queue import Queue
from weft.engine.embedded.queue_rows import Stand
from weft.engine.embedded.schedules.acts import Acts
from weft.engine.embedded.schedules.keeper import Keeper, Parts
from weft.engine.embedded.sender import Sender, kept_of
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.store import Store
from weft.engine.embedded.timetable import Timetable
from weft.engine.embedded.waiters import Waiters
from weft.engine.execution.attempts import Judge
from weft.engine.execution.commands import (
    CallAbandoned,
    CallIssued,
    Command,
    RunEnded,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.entries import CancelAsked, Started, TimerFired, encode_entry, ended
from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.scopes import CallRecord
from weft.errors import NotDone, OutcomeUnknown, RunClosed, RunNotFound, StoreFailed
from weft.flow.port import RunsPort
from weft.ids import Ids, digest
from weft.model.call import Behalf, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.message import Answer
from weft.model.policy import Backoff, Limits
from weft.model.queueing import FIRST_COME, Queueing
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

_WITH_DATA = (Reply, Refused)


class Work:
    """The parts of an engine, and how they answer one another.

    Attributes:
        clock: where wall time comes from.
        journal: the way of every entry to the disk.
        sender: calls under way.
        timetable: what is due when.
        shelf: which runs are in memory.
        operators: what people do to runs.
        waiters: who waits for ends.
        open: false once the engine takes no more work.
        broken: told when the store could not be read.
        children: how runs that runs have started are closed.
        post: messages to runs.
        queue: runs that wait for their turn.
        schedules: what is started by the time.
    """

    def __init__(
        self, runs: RunsPort, *, clock: Clock, ids: Ids, limits: Limits, backoff: Backoff, drain_limit: int
    ) -> None:
        self.clock = clock
        self._ids = ids
        self._limits = limits
        self._next_key = 1
        self.open = False
        self.broken: Callable[[StoreFailed], None] = lambda _: None
        self.waiters = Waiters()
        self.children = Children(self)
        self.journal = Journal(
            clock, limits, output=self._output, ended=self._ended, listener=self, drain_limit=drain_limit
        )
        self.sender = Sender(
            clock=clock,
            chance=random.Random(ids.new_seed()).random,  # noqa: S311 - jitter, repeatable where ids are
            judge=Judge(backoff),
            runs=runs,
            settled=self._settled,
            troubled=self._troubled,
        )
        self.sender.use(self.journal.turn)
        self.timetable = Timetable(
            clock, fire=self._fire, wake=self._wake, broken=self._on_broken, failed=self._not_woken
        )
        self.sender.waits.close_child = self.children.close
        self.shelf = Shelf(self.journal, self.timetable, resume=self._resume)
        self.operators = Operators(
            self.journal,
            self.shelf,
            self.sender,
            clock=clock,
            ended=self._ended,
            closing=self.closing,
            broken=self._on_broken,
        )
        self.queue = Queue(clock, self.journal, self.shelf, timetable=self.timetable, broken=self._on_broken)
        self.shelf.use(self.queue)
        self.schedules = Keeper(Parts(self, clock, ids), broken=self._on_broken)
        self.operators.schedules = Acts(self.schedules)
        self.post = Post(self.journal, self.shelf, self.waiters, live=self.shelf.live)

    def start(self, store: Store) -> None:
        """Begin to work."""
        self.shelf.open(store)
        self._next_key = store.max_key() + 1
        self.journal.watchdog.open()
        self.open = True

    def stop(self) -> None:
        """Begin nothing new: no call, no timer, no request."""
        self.open = False
        self.sender.closed = True
        self.operators.close()
        self.queue.close()
        self.schedules.close()
        self.timetable.close()

    def begin(
        self,
        identity: Identity,
        data: bytes,
        *,
        behalf: Behalf,
        within_ms: int | None = None,
        queueing: Queueing = FIRST_COME,
        occurrence: bytes = b"",
    ) -> None:
        """Start a run that does not exist, or let it wait for its turn; only in a plain callback."""
        now_ms = self.clock.now_ms()
        execution = self.journal.execution(identity)
        key, self._next_key = self._next_key, self._next_key + 1
        live = LiveRun(key, identity, execution, behalf=behalf)
        live.created_ms = now_ms
        live.input_digest = digest(data)
        self.shelf.add(live)
        workflow, run_id, chain, generation, epoch = identity
        status = int(RunStatus.RUNNING)
        self.journal.writer.batch.runs.append(
            (key, workflow, run_id, chain, generation, epoch, behalf.tenant, status, now_ms, IN_FLIGHT)
        )
        for each in behalf.attributes:
            self.journal.writer.batch.attributes[key, each.name] = each
        if queueing != FIRST_COME or workflow in self.queue.limits:
            queueing = queueing.since(now_ms)
            queued = self.queue.stand(workflow, queueing)
            if queued.stand is not Stand.PLACED:
                started = self._started(data, behalf, occurrence, within_ms=within_ms)
                self.queue.hold(live, encode_entry(started), queued=queued, at_ms=queueing.at_ms)
                return
            self.queue.placed(live, queued)
        deadline_ms = None if within_ms is None else now_ms + within_ms
        self.journal.tell(live, self._started(data, behalf, occurrence, deadline_ms=deadline_ms), now_ms)

    def _started(
        self,
        data: bytes,
        behalf: Behalf,
        occurrence: bytes,
        *,
        deadline_ms: int | None = None,
        within_ms: int | None = None,
    ) -> Started:
        return Started(
            data,
            self._ids.new_seed(),
            PYTHON,
            principal=behalf.principal,
            trace=behalf.trace,
            deadline_ms=deadline_ms,
            journal_entries=self._limits.journal_entries,
            within_ms=within_ms,
            attributes=behalf.attributes,
            occurrence=occurrence,
        )

    def _output(self, live: LiveRun, commands: list[Command]) -> None:
        execution = live.execution
        if execution is None:
            return
        for command in commands:
            if type(command) is CallIssued:
                record = execution.calls.pending.get(command.path)
                if record is not None and command.path not in live.calls:
                    self.sender.send(live, record)
            else:
                self._output_other(live, execution, command)
        self.shelf.touch(live)

    def _output_other(self, live: LiveRun, execution: Execution, command: Command) -> None:
        match command:
            case TimerSet(path=path, due_ms=due_ms):
                if path in execution.timers:
                    self.timetable.set(live, path, due_ms)
            case TimerCancelled():
                self.timetable.forget(live)
            case CallAbandoned(path=path):
                state = live.calls.get(path)
                if state is not None:
                    self._abandon(state)
            case _:
                pass

    def _abandon(self, state: CallState) -> None:
        live = state.live
        self.sender.abandon(state)
        if state.record.path not in live.calls:  # a read, of which nothing more will be told
            self._forget_failures(state)
            self.journal.save_standing(live)

    def _forget_failures(self, state: CallState) -> None:
        if state.stored:
            self.journal.writer.batch.attempts[(state.live.key, state.record.path)] = None
            self.journal.hold(state.live)

    def _resume(self, live: LiveRun, calls: list[CallRecord]) -> None:
        execution = live.execution
        if execution is None or live.over:
            return
        earlier = self.shelf.store.failing(live.key) if calls else {}
        live.stored = bool(earlier)
        for record in calls:
            # While a reset takes effects back, the call whose outcome is told next has one: it is not made again.
            is_wanted = execution.resetting is None or bool(record.undoes)
            if is_wanted and execution.calls.get(record.path) is record:
                self.sender.send(live, record, arrived=True, earlier=earlier.get(record.path))
        for timer in execution.timers.values():
            self.timetable.set(live, timer.path, timer.due_ms)

    def _settled(self, state: CallState, outcome: Outcome) -> None:
        live = state.live
        path = state.record.path
        calls = live.calls
        if live.gone or live.over or calls.get(path) is not state:
            return
        if isinstance(outcome, _WITH_DATA) and len(outcome.data) > self._limits.payload_bytes:
            too_large = self._too_large(state, outcome)
            if too_large is None:
                return
            outcome = too_large
        del calls[path]
        if state.stored:
            self._forget_failures(state)
        execution = live.execution
        if execution is None or execution.calls.pending.get(path) is state.record:
            entry = ended(path, outcome, attempts=state.log.count, began_ms=state.log.began_ms)
            self.journal.tell(live, entry)
            self.journal.writer.schedule()
        else:
            # A read that the run gave up in a step that is not on disk yet: nobody waits for it any more.
            self.journal.save_standing(live)

    def _too_large(self, state: CallState, outcome: Reply | Refused) -> Outcome | None:
        """Return what a reply over the limit is worth; nothing where only an operator can tell."""
        operation = state.record.operation
        limit = self._limits.payload_bytes
        what = f"the reply of {operation.target} has {len(outcome.data):,} bytes; the limit is {limit:,}"
        if operation.kind is EffectKind.IRREVERSIBLE:
            state.log.arrived = True
            self.sender.halt(state, f"{what}; it cannot be undone")
            return None
        failure = NotDone if operation.kind is EffectKind.READ else OutcomeUnknown
        return failure(what, reason="payload")

    def _troubled(self, state: CallState, next_ms: int) -> None:
        live = state.live
        if live.gone or live.over or not self.open:
            return
        if state.attention or state.log.failures or state.log.count > 1:
            state.stored = live.stored = True
            row = kept_of(state, next_ms)
            self.journal.writer.batch.attempts[(live.key, state.record.path)] = row
            self.journal.hold(live)
        self.journal.save_standing(live)

    def _fire(self, live: LiveRun, path: str, due_ms: int) -> None:
        if not live.over:
            self.journal.tell(live, TimerFired(path), due_ms)
            self.journal.writer.schedule()

    def _wake(self, key: int) -> None:
        self.shelf.wake(key)
        live = self.shelf.at(key)
        if live is not None and live.held:
            self.queue.due(live)
        self.journal.writer.schedule()

    def _not_woken(self, key: int, error: Exception) -> None:
        live = self.shelf.at(key)
        if live is None or live.over:
            log.error("run %d could not be woken; the next start tries again", key, exc_info=error)
        else:
            self.journal.fail(live, error)

    def _on_broken(self, error: StoreFailed) -> None:
        self.broken(error)

    def _ended(self, live: LiveRun, end: RunEnded) -> None:
        self.shelf.remove(live)
        self.waiters.ended(live.key, end.final, result=end.data, reason=reason_of(end), kind=end.kind)
        self.schedules.ended(*live.identity[:2])

    # What concerns others than the run itself.

    def answered(self, live: LiveRun, command: UpdateAnswered) -> None:
        """Tell who asked, once the answer is on disk."""
        self.waiters.answered(live.key, command.id, Answer(command.data, command.refusal))

    def continues(self, live: LiveRun, kept: AbstractSet[str]) -> list[tuple[str, str, str]]:
        """Tell who asked and will have no answer, once that is on disk; return the children that are still open."""
        lost = self.waiters.asked(live.key) - kept
        if lost:
            error = RunClosed(f"run {live.name} continued as new without an answer")
            self.journal.writer.after_commit(partial(self.waiters.unanswered, live.key, lost, error))
        if live.stored:
            live.stored = False
            self.journal.writer.batch.attempts_over.append(live.key)
        if live.children is None:
            return []
        live.children = {name: how for name, how in live.children.items() if self._is_open(*name)}
        return [(workflow, run_id, how) for (workflow, run_id), how in live.children.items()]

    def _is_open(self, workflow: str, run_id: str) -> bool:
        live = self.shelf.loaded(workflow, run_id)
        if live is not None:
            return not live.over
        row = self.shelf.store.find(workflow, run_id)
        return row is not None and RunStatus(row.status).is_open

    def closing(self, live: LiveRun) -> None:
        """Close the children of a run that ends, and free its place, in the same transaction."""
        self.queue.ended(live)
        children = live.children
        if live.execution is None and live.sealed is None:
            # A blocked run may not have come far enough to know them all.
            generation = live.identity.generation
            children = (children or {}) | children_in(self.shelf.store.journal(live.key, generation=generation))
        if children:
            self.children.close_all(live, children.items())

    def never_began(self, live: LiveRun, entry: CancelAsked) -> None:
        """End a run that is cancelled before its turn."""
        text = f"the run was cancelled before it began: {entry.why}" if entry.why else "the run was cancelled"
        self.operators.end(live, entry, RunEnded(RunStatus.CANCELLED, kind="CancelledError", text=text))

    def find(self, workflow: str, run_id: str) -> LiveRun | None:
        """Return a run, loaded if it is open; nothing if there is none.

        Raises:
            RunClosed: it has ended.
        """
        try:
            return self.shelf.live(workflow, run_id)
        except RunNotFound:
            return None

    def cancel(self, live: LiveRun, asked: CancelAsked) -> None:
        """Ask a run to cancel."""
        self.journal.accept(live, asked)
        self.journal.writer.schedule()

    def terminate(self, live: LiveRun, *, who: str, why: str) -> None:
        """End a run without its undos."""
        self.operators.terminate(live, who=who, why=why)
        self.journal.writer.schedule()
