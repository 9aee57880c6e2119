"""Operations as activities: one attempt at a time; the server waits between them and counts them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from temporalio import activity
from temporalio.common import RawValue

from weft.clock import Clock
from weft.engine.execution.attempts import Ask, AttemptLog, Judge, Stands, Stuck, TryAgain
from weft.engine.temporal.failures import standing, trying, waiting
from weft.engine.temporal.payloads import NULL, CallNote, TroubleNote, input_of, note_of, payload
from weft.errors import NotDone, OutcomeUnknown
from weft.flow.ambient_runs import SERVICE, answer
from weft.flow.port import RunsPort
from weft.model.call import Call, Handler, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.policy import FIRST_ATTENTION, Limits

HEARTBEAT_S = 4.0
"""How often an attempt that takes long says that it is still at work."""

SILENCES = 3
"""Equal silences of a status query after which people should look."""

Tell = Callable[[str, str, TroubleNote], Awaitable[None]]
"""Tells a run, by its Temporal ids, why a person should look at it."""


@dataclass(frozen=True, slots=True)
class LogNote:
    """What an attempt leaves for the next one: the last heartbeat's detail.

    Attributes:
        attempt: which attempt left it; with a number in between, one has vanished without a word.
    """

    attempt: int
    arrived: bool
    failures: int
    equal: int
    failure: str
    delayed_ms: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt: what is called, how, and what is known of the attempts before.

    Attributes:
        vanished: the attempt before ended without a word; whether it arrived nobody knows.
    """

    info: activity.Info
    operation: Operation
    note: CallNote
    call: Call
    log: AttemptLog
    vanished: bool

    @property
    def is_undo(self) -> bool:
        """Tell whether the call undoes another."""
        return self.note.undoes is not None


class Operations:
    """Carries out operations for activities, under the operations' own names."""

    def __init__(
        self,
        operations: Mapping[str, Operation],
        handler: Handler,
        *,
        runs: RunsPort,
        judge: Judge,
        limits: Limits,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self._operations = operations
        self._handler = handler
        self._runs = runs
        self._judge = judge
        self._limits = limits
        self._clock = clock
        self._tell = tell

    @activity.defn(dynamic=True)
    async def attempt(self, arguments: Sequence[RawValue]) -> RawValue:
        """Make one attempt; its failure says what follows from it."""
        one = self._read(activity.info(), arguments)
        beat = _Beat(one) if one.info.heartbeat_timeout else None
        try:
            outcome = await self._make(one)
        finally:
            if beat is not None:
                beat.stop()
        if isinstance(outcome, Reply):
            return payload(outcome.data)
        return await self._judged(one, outcome)

    def _read(self, info: activity.Info, arguments: Sequence[RawValue]) -> _Attempt:
        operation = self._operations.get(info.activity_type)
        note = note_of(CallNote, arguments)
        if note is None:
            place = f"{info.workflow_run_id}/{info.activity_id}"
            note = CallNote(f"temporal/{place}", caller=f"{info.workflow_type}/{info.workflow_id}")
        if operation is None:
            missing = NotDone(f"no service here has the operation {info.activity_type}", reason="unknown-operation")
            raise standing(missing, arrived=note.arrived)
        log, vanished = _log_of(info, note, self._clock.now_ms())
        call = Call(
            id=note.id,
            undoes=note.undoes,
            service=operation.service,
            operation=operation.name,
            arguments=input_of(arguments),
            contract=note.contract,
            attempt=info.attempt,
            caller=note.caller,
            tenant=note.tenant,
            principal=note.principal,
            trace=note.trace,
            issued_ms=note.issued_ms,
        )
        return _Attempt(info, operation, note, call, log, vanished)

    async def _make(self, one: _Attempt) -> Outcome:
        if one.vanished and not (one.operation.repeatable or one.is_undo):
            what = f"{one.operation.target} was under way when its worker ended"
            return OutcomeUnknown(what, reason="recovered")
        if one.operation.service == SERVICE:
            return await answer(self._runs, one.call)
        timeout_s = one.operation.timeout_ms / 1000
        working = asyncio.ensure_future(self._handler(one.call))
        until = asyncio.get_running_loop().time() + timeout_s
        while not working.done():
            left_s = until - asyncio.get_running_loop().time()
            try:
                if left_s <= 0:
                    break
                await asyncio.wait({working}, timeout=left_s)
            except asyncio.CancelledError:
                if not self._goes_on(one):
                    await _end(working)
                    raise
        if not working.done():
            await _end(working)
        if working.cancelled():
            what = f"{one.operation.target} took longer than {one.operation.timeout_ms:,} ms"
            return OutcomeUnknown(what, reason="timeout")
        return self._fitting(one, working.result())

    @staticmethod
    def _goes_on(one: _Attempt) -> bool:
        """Tell whether an attempt may end though nobody waits for the call any more: it does if it has an effect."""
        details = activity.cancellation_details()
        asked = details is not None and (details.cancel_requested or details.paused or details.reset)
        ending = details is not None and (details.worker_shutdown or details.timed_out or details.not_found)
        return asked and not ending and one.operation.kind is not EffectKind.READ

    def _fitting(self, one: _Attempt, outcome: Outcome) -> Outcome:
        """Return the outcome, or what one over the limit is worth."""
        limit = self._limits.payload_bytes
        if not isinstance(outcome, Reply | Refused) or len(outcome.data) <= limit:
            return self._as_told(one, outcome)
        operation = one.operation
        what = f"the reply of {operation.target} has {len(outcome.data):,} bytes; the limit is {limit:,}"
        if operation.kind is EffectKind.IRREVERSIBLE:
            raise waiting(Stuck(f"{what}; it cannot be undone"))
        kind = NotDone if operation.kind is EffectKind.READ else OutcomeUnknown
        raise standing(kind(what, reason="payload"), arrived=operation.kind is not EffectKind.READ)

    @staticmethod
    def _as_told(one: _Attempt, outcome: Outcome) -> Outcome:
        """Read a status query's answer: nothing for not done, else the operation's reply."""
        if one.note.asks and isinstance(outcome, Reply) and outcome.data == NULL:
            what = f"{one.note.asks} did not happen, says {one.operation.name}"
            raise standing(NotDone(what, reason="asked"), arrived=False)
        return outcome

    async def _judged(self, one: _Attempt, outcome: Refused | NotDone | OutcomeUnknown) -> RawValue:
        if one.note.asks:
            verdict = _asked_again(one, outcome, self._judge)
        else:
            verdict = self._judge.judge(
                one.operation,
                one.log,
                outcome,
                undo=one.is_undo,
                now_ms=self._clock.now_ms(),
                chance=random.random(),  # noqa: S311 - jitter
            )
        match verdict:
            case Stands(outcome=NotDone() | OutcomeUnknown() | Refused() as stands):
                raise standing(stands, arrived=one.log.arrived)
            case Stands():
                raise AssertionError("a reply is not judged")
            case TryAgain(attention=attention):
                activity.heartbeat(asdict(_left(one)))
                if attention:
                    await self._trouble(one, attention)
                raise trying(outcome, verdict, one.log)
            case Ask() | Stuck():
                raise waiting(verdict)

    async def _trouble(self, one: _Attempt, why: str) -> None:
        """Say once that a person should look; the core's own timer says it where this cannot."""
        first = one.log.failures if one.is_undo else one.log.equal
        if first <= self._told_at(one):
            note = TroubleNote(one.info.activity_id, why, one.log.arrived)
            await self._tell(one.info.workflow_id or "", one.info.workflow_run_id or "", note)

    @staticmethod
    def _told_at(one: _Attempt) -> int:
        if one.note.asks:
            return SILENCES
        return 1 if one.log.failure.startswith("declined") else FIRST_ATTENTION


class _Beat:
    """Says from time to time that an attempt is at work, and what the attempts before left."""

    def __init__(self, one: _Attempt) -> None:
        self._details: Sequence[Any] = one.info.heartbeat_details
        self._handle = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def _beat(self) -> None:
        activity.heartbeat(*self._details)
        self._handle = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def stop(self) -> None:
        """Say no more."""
        self._handle.cancel()


async def _end(working: asyncio.Future[Outcome]) -> None:
    """Cancel an attempt and wait until it has ended."""
    working.cancel()
    while not working.done():
        await asyncio.wait({working})


def _log_of(info: activity.Info, note: CallNote, now_ms: int) -> tuple[AttemptLog, bool]:
    """Return what is known of the attempts before, and whether the last of them vanished."""
    log = AttemptLog(began_ms=note.issued_ms or now_ms, arrived=note.arrived)
    log.count = info.attempt
    left = _left_by(info)
    if left is not None:
        log.arrived = log.arrived or left.arrived
        log.failures, log.equal, log.failure = left.failures, left.equal, left.failure
        log.delayed_ms = left.delayed_ms
    vanished = info.attempt > 1 and (left is None or left.attempt != info.attempt - 1)
    log.arrived = log.arrived or vanished
    return log, vanished


def _left_by(info: activity.Info) -> LogNote | None:
    for detail in info.heartbeat_details:
        if isinstance(detail, dict) and "attempt" in detail:
            return LogNote(**cast("dict[str, Any]", detail))
    return None


def _left(one: _Attempt) -> LogNote:
    log = one.log
    return LogNote(one.info.attempt, log.arrived, log.failures, log.equal, log.failure[:1000], log.delayed_ms)


def _asked_again(one: _Attempt, outcome: Refused | NotDone | OutcomeUnknown, judge: Judge) -> TryAgain:
    """Ask a status query again until it answers; its third silence is for people."""
    log = one.log
    log.note(f"{one.operation.name}: {getattr(outcome, 'what', outcome)}")
    wait_ms = judge.backoff.wait_ms(log.count, random.random())  # noqa: S311 - jitter
    silent = f"{one.note.asks} may have happened and {one.operation.name} does not answer"
    return TryAgain(wait_ms, silent if log.equal >= SILENCES else "")
