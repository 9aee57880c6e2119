"""What happens to runs: they begin, their commands are carried out, outcomes and timers are told, they end."""

from __future__ import annotations

from weft.clock import Clock
from weft.engine.embedded.journal import PYTHON, Journal
from weft.engine.embedded.live import IN_FLIGHT, CallState, LiveRun
from weft.engine.embedded.operators import Operators
from weft.engine.embedded.sender import Sender
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.store import Store
from weft.engine.embedded.timetable import Timetable
from weft.engine.embedded.waiters import Waiters
from weft.engine.execution.attempts import Judge
from weft.engine.execution.commands import CallAbandoned, CallIssued, Command, RunEnded, TimerCancelled, TimerSet
from weft.engine.execution.entries import Started, TimerFired, ended
from weft.engine.execution.execution import Identity
from weft.errors import OutcomeUnknown
from weft.flow.runs import RunsPort
from weft.ids import Ids, digest
from weft.model.call import Outcome, Refused, Reply
from weft.model.policy import Backoff, Limits
from weft.model.run import RunStatus


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
    """

    def __init__(
        self, runs: RunsPort, *, clock: Clock, ids: Ids, limits: Limits, backoff: Backoff, drain_limit: int
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._next_key = 1
        self.open = False
        self.waiters = Waiters()
        self.journal = Journal(clock, limits, output=self._output, ended=self._ended, drain_limit=drain_limit)
        self.sender = Sender(
            clock=clock, judge=Judge(backoff), runs=runs, settled=self._settled, troubled=self._troubled
        )
        self.timetable = Timetable(clock, fire=self._fire, wake=self._wake)
        self.shelf = Shelf(self.journal, self.timetable, resume=self._resume)
        self.operators = Operators(self.journal, self.shelf, self.sender, clock, ended=self._ended)

    def start(self, store: Store) -> None:
        """Begin to work."""
        self.shelf.open(store)
        self._next_key = store.max_key() + 1
        self.open = True

    def stop(self) -> None:
        """Begin nothing new: no call, no timer, no request."""
        self.open = False
        self.sender.closed = True
        self.operators.close()
        self.timetable.close()

    def begin(self, identity: Identity, data: bytes, *, tenant: str) -> None:
        """Start a run that does not exist; only in a plain callback."""
        now_ms = self._clock.now_ms()
        key, self._next_key = self._next_key, self._next_key + 1
        live = LiveRun(key, identity, self.journal.execution(identity), tenant=tenant)
        live.created_ms = now_ms
        live.input_digest = digest(data)
        self.shelf.add(live)
        workflow, run_id, chain, generation, epoch = identity
        status = int(RunStatus.RUNNING)
        self.journal.writer.batch.runs.append(
            (key, workflow, run_id, chain, generation, epoch, tenant, status, now_ms, IN_FLIGHT)
        )
        self.journal.tell(live, Started(data, self._ids.new_seed(), PYTHON), now_ms)

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
                    self.timetable.forget()
                case CallAbandoned(path=path):
                    state = live.calls.get(path)
                    if state is not None:
                        self.sender.abandon(state)
                case _:
                    pass
        self.shelf.touch(live)

    def _resume(self, live: LiveRun) -> None:
        execution = live.execution
        assert execution is not None, "only a run that replayed is resumed"
        for record in list(execution.calls.open()):
            self.sender.send(live, record, arrived=True)
        for timer in execution.timers.values():
            self.timetable.set(live, timer.path, timer.due_ms)

    def _settled(self, state: CallState, outcome: Outcome) -> None:
        live = state.live
        path = state.record.path
        if live.gone or live.execution is None or live.calls.get(path) is not state:
            return
        del live.calls[path]
        if state.stored:
            self.journal.writer.batch.attempts[(live.key, path)] = None
        outcome = self._within_limit(state, outcome)
        entry = ended(path, outcome, attempts=state.log.count, began_ms=state.log.began_ms)
        self.journal.tell(live, entry)
        self.journal.writer.schedule()

    def _within_limit(self, state: CallState, outcome: Outcome) -> Outcome:
        limit = self._limits.payload_bytes
        if isinstance(outcome, Reply | Refused) and len(outcome.data) > limit:
            what = f"the reply of {state.call.target} has {len(outcome.data):,} bytes; the limit is {limit:,}"
            return OutcomeUnknown(what, reason="payload", remedy="return a reference to the data")
        return outcome

    def _troubled(self, state: CallState, next_ms: int) -> None:
        live = state.live
        if live.gone or not self.open:
            return
        if state.attention or state.log.count > 1:
            state.stored = True
            row = (state.log.count, state.attention or state.log.failure, next_ms)
            self.journal.writer.batch.attempts[(live.key, state.record.path)] = row
            self.journal.writer.schedule()
        self.journal.save_standing(live)

    def _fire(self, live: LiveRun, path: str, due_ms: int) -> None:
        self.journal.tell(live, TimerFired(path), due_ms)
        self.journal.writer.schedule()

    def _wake(self, key: int) -> None:
        self.shelf.wake(key)
        self.journal.writer.schedule()

    def _ended(self, live: LiveRun, end: RunEnded) -> None:
        self.shelf.remove(live)
        reason = f"{end.kind}: {end.text}" if end.kind else end.text
        self.waiters.ended(live.key, end.final, result=end.data, reason=reason, kind=end.kind)
