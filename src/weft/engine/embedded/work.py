"""What happens to runs: they begin, their commands are carried out, outcomes and timers are told, they end."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from weft.clock import Clock
from weft.engine.embedded.journal import PYTHON, Journal, reason_of
from weft.engine.embedded.live import IN_FLIGHT, CallState, LiveRun
from weft.engine.embedded.operators import Operators
from weft.engine.embedded.sender import Sender
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.store import Store
from weft.engine.embedded.timetable import Timetable
from weft.engine.embedded.waiters import Waiters
from weft.engine.execution.attempts import Judge
from weft.engine.execution.commands import CallAbandoned, CallIssued, Command, RunEnded, TimerCancelled, TimerSet
from weft.engine.execution.entries import Started, TimerFired, ended, storable
from weft.engine.execution.execution import Identity
from weft.engine.execution.scopes import CallRecord
from weft.errors import NotDone, OutcomeUnknown, StoreFailed
from weft.flow.runs import RunsPort
from weft.ids import Ids, digest
from weft.model.call import Behalf, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.policy import Backoff, Limits
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

_WITH_DATA = (Reply, Refused)


class Work:
    """The parts of an engine, and how they answer one another.

    Attributes:
        journal: the way of every entry to the disk.
        sender: calls under way.
        timetable: what is due when.
        shelf: which runs are in memory.
        operators: what people do to runs.
        waiters: who waits for ends.
        open: false once the engine takes no more work.
        broken: told when the store could not be read.
    """

    def __init__(
        self, runs: RunsPort, *, clock: Clock, ids: Ids, limits: Limits, backoff: Backoff, drain_limit: int
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._next_key = 1
        self.open = False
        self.broken: Callable[[StoreFailed], None] = lambda _: None
        self.waiters = Waiters()
        self.journal = Journal(clock, limits, output=self._output, ended=self._ended, drain_limit=drain_limit)
        self.sender = Sender(
            clock=clock,
            chance=random.Random(ids.new_seed()).random,  # noqa: S311 - jitter, repeatable where ids are
            judge=Judge(backoff),
            runs=runs,
            settled=self._settled,
            troubled=self._troubled,
        )
        self.timetable = Timetable(
            clock, fire=self._fire, wake=self._wake, broken=self._on_broken, failed=self._not_woken
        )
        self.shelf = Shelf(self.journal, self.timetable, resume=self._resume)
        self.operators = Operators(
            self.journal, self.shelf, self.sender, clock=clock, ended=self._ended, broken=self._on_broken
        )

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
        self.timetable.close()

    def begin(self, identity: Identity, data: bytes, *, behalf: Behalf) -> None:
        """Start a run that does not exist; only in a plain callback."""
        now_ms = self._clock.now_ms()
        key, self._next_key = self._next_key, self._next_key + 1
        live = LiveRun(key, identity, self.journal.execution(identity), behalf=behalf)
        live.created_ms = now_ms
        live.input_digest = digest(data)
        self.shelf.add(live)
        workflow, run_id, chain, generation, epoch = identity
        status = int(RunStatus.RUNNING)
        self.journal.writer.batch.runs.append(
            (key, workflow, run_id, chain, generation, epoch, behalf.tenant, status, now_ms, IN_FLIGHT)
        )
        started = Started(data, self._ids.new_seed(), PYTHON, principal=behalf.principal, trace=behalf.trace)
        self.journal.tell(live, started, now_ms)

    def _output(self, live: LiveRun, commands: list[Command]) -> None:
        execution = live.execution
        for command in commands:
            if execution is None:
                return
            match command:
                case CallIssued(path=path):
                    record = execution.calls.get(path)
                    if record is not None and path not in live.calls:
                        self.sender.send(live, record)
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
        self.shelf.touch(live)

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
        earlier = self.shelf.store.attempts(live.key) if calls else {}
        live.stored = bool(earlier)
        for record in calls:
            if execution.calls.get(record.path) is record:
                self.sender.send(live, record, arrived=True, earlier=earlier.get(record.path))
        for timer in execution.timers.values():
            self.timetable.set(live, timer.path, timer.due_ms)

    def _settled(self, state: CallState, outcome: Outcome) -> None:
        live = state.live
        path = state.record.path
        if live.gone or live.over or live.calls.get(path) is not state:
            return
        if isinstance(outcome, _WITH_DATA) and len(outcome.data) > self._limits.payload_bytes:
            too_large = self._too_large(state, outcome)
            if too_large is None:
                return
            outcome = too_large
        del live.calls[path]
        if state.stored:
            self._forget_failures(state)
        if live.execution is None or live.execution.calls.get(path) is state.record:
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
        if state.attention or state.log.count > 1:
            state.stored = live.stored = True
            row = (state.log.count, storable(state.attention or state.log.failure), next_ms)
            self.journal.writer.batch.attempts[(live.key, state.record.path)] = row
            self.journal.hold(live)
        self.journal.save_standing(live)

    def _fire(self, live: LiveRun, path: str, due_ms: int) -> None:
        if not live.over:
            self.journal.tell(live, TimerFired(path), due_ms)
            self.journal.writer.schedule()

    def _wake(self, key: int) -> None:
        self.shelf.wake(key)
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
