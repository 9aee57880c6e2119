"""Make the calls of runs: attempts, timeouts, durable retries, and the outcome that stands in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import AbstractContextManager
from functools import partial

from weft.clock import Clock
from weft.engine.embedded.batch import Attempts
from weft.engine.embedded.children import RUN, Waits
from weft.engine.embedded.crew import Crew, cancel
from weft.engine.embedded.deadlines import Deadlines
from weft.engine.embedded.live import CallState, LiveRun
from weft.engine.execution.attempts import Ask, AttemptLog, Judge, Stands, Stuck, TryAgain
from weft.engine.execution.entries import storable
from weft.engine.execution.scopes import CallRecord
from weft.errors import NotDone, OutcomeUnknown
from weft.flow.ambient_runs import SERVICE, answer
from weft.flow.port import RunsPort
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation

ASKED = "~asked"
NULL = b"null"


class Sender:
    """Every call under way, over all runs.

    Attributes:
        in_flight: attempts that a handler is working on.
        closed: no new attempt is made; those under way may end.
        waits: how calls end early that wait for other runs.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        chance: Callable[[], float],
        judge: Judge,
        runs: RunsPort,
        settled: Callable[[CallState, Outcome], None],
        troubled: Callable[[CallState, int], None],
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._judge = judge
        self._runs = runs
        self._settled = settled
        self._troubled = troubled
        self._handler: Handler | None = None
        self._operations: Mapping[str, Operation] = {}
        self._deadlines = Deadlines(clock)
        self._leaving: dict[str, CallState] = {}
        self._held: dict[str, CallState] = {}
        self._crew = Crew(told=self._told)
        self.in_flight = 0
        self.closed = False
        self.changed: Callable[[], None] = lambda: None
        self.waits = Waits(settled)

    @property
    def is_busy(self) -> bool:
        """Tell whether an attempt waits to begin, or its outcome to be told."""
        return self._crew.is_busy

    def count_of(self, ids: Container[str]) -> int:
        """Return how many attempts under way are of calls with these ids."""
        return self._deadlines.count_of(ids)

    def use(self, turn: AbstractContextManager[None]) -> None:
        """Tell outcomes within a turn."""
        self._crew.turn = turn

    def open(self, operations: Mapping[str, Operation], handler: Handler) -> None:
        """Begin to make calls."""
        self._operations = operations
        self._handler = handler

    async def close(self) -> None:
        """End what is still under way."""
        self.closed = True
        await self._crew.close()

    def send(
        self,
        live: LiveRun,
        record: CallRecord,
        *,
        arrived: bool = False,
        earlier: Attempts | None = None,
    ) -> None:
        """Make a call.

        Args:
            live: the run that calls.
            record: what it calls.
            arrived: an attempt may have been made before a crash.
            earlier: attempts that the store knows of.
        """
        operation = record.operation
        call_id, undoes = live.prefix + record.path, live.prefix + record.undoes if record.undoes else None
        if record.epoch >= 0:
            call_id, undoes = live.ids_of(record)
        call = Call(
            id=call_id,
            undoes=undoes,
            service=operation.service,
            operation=operation.name,
            arguments=record.arguments,
            contract=operation.contract,
            caller=live.name,
            tenant=live.behalf.tenant,
            principal=live.behalf.principal,
            trace=live.behalf.trace,
            issued_ms=record.issued_ms,
        )
        log = AttemptLog(record.issued_ms, arrived, record.abandoned)
        state = CallState(self, live, record, call, log)
        live.calls[record.path] = state
        if earlier is not None:
            _remember(state, earlier)
        if arrived and record.abandoned and operation.target == RUN and self.waits.close(state):
            self._attempt(state)
        elif arrived and (record.abandoned or not (operation.repeatable or record.undoes)):
            what = f"{operation.target} was under way when the engine stopped"
            self._judge_soon(state, OutcomeUnknown(what, reason="recovered"))
        elif record.abandoned:
            what = f"{operation.target} was abandoned before it was sent"
            self._judge_soon(state, NotDone(what, reason="abandoned"))
        elif self._leaving and call.effect_id in self._leaving:
            self._held[call.effect_id] = state
        elif earlier is not None and earlier.next_ms > self._clock.now_ms():
            self._wait(state, earlier.next_ms, partial(self._attempt, state))
        else:
            self._attempt(state)

    def _judge_soon(self, state: CallState, outcome: Outcome) -> None:
        """Judge an outcome that no attempt had; it counts as one in flight until then."""
        self.in_flight += 1
        asyncio.get_running_loop().call_soon(self._judge_now, state, outcome)

    def _judge_now(self, state: CallState, outcome: Outcome) -> None:
        self.in_flight -= 1
        self.changed()
        if not self.closed:
            self._judged(state, outcome)

    def _attempt(self, state: CallState) -> None:
        state.alarm = None
        if self.closed or state.live.gone or self._handler is None:
            return
        log = state.log
        log.count += 1
        if log.count > 1:
            state.call = _renumbered(state.call, log.count)
        self._start(state)

    def _start(self, state: CallState) -> None:
        state.under_way = True
        state.halted = False
        if state.call.service != SERVICE:
            self.in_flight += 1
        self._crew.start(state)

    def make(self, state: CallState) -> Awaitable[Outcome]:
        """Begin an attempt: of the call, or of its status query."""
        call = state.call
        if call.service == SERVICE:
            return answer(self._runs, call)
        assert self._handler is not None, "attempts are made while the engine is open"
        return self._handler(_query_of(call, state.query) if state.query else call)

    def came_to_wait(self, state: CallState) -> None:
        """Note that an attempt has come to wait for something."""
        if state.call.service != SERVICE:
            self._deadlines.begin(state)

    def ended(self, state: CallState, outcome: Outcome | None) -> None:
        """Take the outcome of an attempt, and do what follows from it."""
        state.under_way = False
        if state.call.service != SERVICE:
            self.in_flight -= 1
            if state.deadline_ms:
                self._deadlines.end(state)
        if state.cancelled:
            self._left(state)
        if type(outcome) is Reply and not state.query:  # nearly every attempt: with it, the call has its outcome
            self._settled(state, outcome)
        else:
            self._not_replied(state, outcome)

    def _not_replied(self, state: CallState, outcome: Outcome | None) -> None:
        if state.live.gone or (outcome is None and state.call.service == SERVICE):
            return
        if outcome is None:
            timeout_ms = state.record.operation.timeout_ms
            outcome = OutcomeUnknown(f"{state.call.target} took longer than {timeout_ms:,} ms", reason="timeout")
        if state.query:
            self._asked(state, outcome)
        else:
            self._judged(state, outcome)

    def _told(self) -> None:
        self.changed()

    # An attempt that is dropped takes its time to end. Until then nothing else is sent about its effect, or an undo
    # could overtake it: not by the run that skipped the call, nor by one that was loaded again.

    def dropped(self, state: CallState) -> None:
        """End an attempt that is not wanted any more; what is sent about its effect waits until it has ended."""
        cancel(state)
        self._leaving[state.call.effect_id] = state

    def _left(self, state: CallState) -> None:
        effect_id = state.call.effect_id
        if self._leaving.get(effect_id) is not state:
            return
        del self._leaving[effect_id]
        held = self._held.pop(effect_id, None)
        if held is None or held.live.calls.get(held.record.path) is not held:
            return
        if held.record.abandoned:
            what = f"{held.call.target} was abandoned before it was sent"
            self._judge_soon(held, NotDone(what, reason="abandoned"))
        else:
            self._attempt(held)

    # Outcomes.

    def _judged(self, state: CallState, outcome: Outcome) -> None:
        record = state.record
        if type(outcome) is Reply:
            self._settled(state, outcome)
            return
        if state.live.gone or state.live.calls.get(record.path) is not state:
            return
        state.log.abandoned = record.abandoned
        verdict = self._judge.judge(
            record.operation,
            state.log,
            outcome,
            undo=bool(record.undoes),
            now_ms=self._clock.now_ms(),
            chance=self._chance(),
        )
        if state.live.execution is None and not isinstance(verdict, Stands):
            # Blocked meanwhile: what is not settled by now is tried again once the run goes on.
            del state.live.calls[record.path]
            return
        match verdict:
            case Stands(outcome=outcome):
                self._settled(state, outcome)
            case TryAgain(after_ms=after_ms, attention=attention):
                state.attention = storable(attention) or state.attention
                self._again(state, after_ms, partial(self._attempt, state))
            case Ask(query=query):
                self._ask(state, query)
            case Stuck(attention=attention):
                self.halt(state, attention)

    def halt(self, state: CallState, attention: str) -> None:
        """Leave it to people what becomes of a call; one that may not be repeated is not, without their word."""
        state.attention = storable(attention)
        state.again = partial(self._attempt, state)
        state.halted = not state.record.operation.repeatable
        self._troubled(state, 0)

    def _again(self, state: CallState, after_ms: int, attempt: Callable[[], None]) -> None:
        due_ms = self._clock.now_ms() + after_ms
        self._wait(state, due_ms, attempt)
        self._troubled(state, due_ms)

    def _wait(self, state: CallState, due_ms: int, attempt: Callable[[], None]) -> None:
        state.again = attempt
        state.alarm = self._clock.call_at(due_ms, attempt)

    # An irreversible call whose outcome is unknown is not repeated: its status query is, until it answers.

    def _ask(self, state: CallState, query: str) -> None:
        state.alarm = None
        if self.closed or state.live.gone or self._handler is None:
            return
        state.query = query
        self._start(state)

    def _asked(self, state: CallState, outcome: Outcome) -> None:
        query, state.query = state.query, ""
        if state.live.calls.get(state.record.path) is not state or state.live.execution is None:
            return
        if isinstance(outcome, Reply):
            self._settled(state, _as_told(state, query, outcome))
            return
        state.log.note(f"{query}: {getattr(outcome, 'what', outcome)}")
        state.log.count += 1
        wait_ms = self._judge.backoff.wait_ms(state.log.count, self._chance())
        if state.log.equal >= 3:  # noqa: PLR2004 - the third silence of the query is for people
            state.attention = f"{state.call.target} may have happened and {query} does not answer"
        self._again(state, wait_ms, partial(self._ask, state, query))

    # What operators and executions ask for.

    def abandon(self, state: CallState) -> None:
        """Make no further attempt; the one under way may end, a wait for the next one ends now."""
        state.log.abandoned = True
        if state.record.operation.kind is EffectKind.READ:
            state.drop()
            state.live.calls.pop(state.record.path, None)
        elif state.call.service == SERVICE and state.under_way:
            self.waits.abandon(state)
        elif state.alarm is not None and not state.under_way:
            state.alarm.cancel()
            state.alarm = None
            what = f"{state.call.target} was abandoned between attempts"
            self._judged(state, NotDone(what, reason="abandoned"))

    def hurry(self, state: CallState, *, resend: bool = False) -> bool:
        """Make the next attempt now; tell whether there was one to make.

        `resend` is an operator's word that what may have happened, and cannot be undone, is to be sent again.
        """
        again = state.again
        if state.under_way or self.closed or again is None or (state.halted and not resend):
            return False
        if state.alarm is not None:
            state.alarm.cancel()
        again()
        return True


def kept_of(state: CallState, next_ms: int) -> Attempts:
    """Return what the store keeps of a call's attempts; the next one is due at `next_ms`."""
    log = state.log
    return Attempts(log.count, log.failure, next_ms, log.failures, log.equal, state.attention)


def _remember(state: CallState, earlier: Attempts) -> None:
    """Take up what the store knows of attempts: the next failure counts as if nothing had come between."""
    state.stored = True
    state.log.count, state.log.failure, _, state.log.failures, state.log.equal, state.attention = earlier


def _query_of(call: Call, query: str) -> Call:
    return Call(
        id=f"{call.id}{ASKED}",
        service=call.service,
        operation=query,
        arguments=call.arguments,
        caller=call.caller,
        tenant=call.tenant,
        principal=call.principal,
        trace=call.trace,
    )


def _renumbered(call: Call, attempt: int) -> Call:
    return Call(
        id=call.id,
        undoes=call.undoes,
        service=call.service,
        operation=call.operation,
        arguments=call.arguments,
        contract=call.contract,
        attempt=attempt,
        caller=call.caller,
        tenant=call.tenant,
        principal=call.principal,
        trace=call.trace,
        issued_ms=call.issued_ms,
    )


def _as_told(state: CallState, query: str, reply: Reply) -> Outcome:
    """Read a status query's answer: nothing for not done, else the operation's reply."""
    if reply.data == NULL:
        return NotDone(f"{state.call.target} did not happen, says {query}", reason="asked")
    return reply
