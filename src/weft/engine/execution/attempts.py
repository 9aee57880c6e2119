"""What follows from an attempt's outcome: it stands, or the call is tried again; folded over all attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from weft.engine.execution.entries import storable
from weft.errors import NotDone, OutcomeUnknown, Undone
from weft.model.call import RUN_FAILED, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.policy import FIRST_ATTENTION, Backoff

ADMISSION = "admission"
"""The reason of a NotDone that came before the service: it delays a call and says nothing about it."""


@dataclass(frozen=True, slots=True)
class Stands:
    """The outcome is the call's."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Try again after a wait; `attention` says why an operator should look, where one should."""

    after_ms: int
    attention: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the operation's status query; the call itself is not repeated."""

    query: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Only an operator can tell what happened."""

    attention: str


Verdict: TypeAlias = Stands | TryAgain | Ask | Stuck


class AttemptLog(msgspec.Struct, eq=False, gc=False):
    """What is known of the attempts of one call so far.

    Attributes:
        arrived: one of them may have reached the service.
        count: attempts made; `failures` of them failed, `equal` of the last ones alike with `failure`.
        began_ms: when the call was issued; `delayed_ms` of the time since then it was kept waiting at the door.
        abandoned: nobody waits any more; no further attempt.
    """

    began_ms: int
    arrived: bool
    abandoned: bool = False
    count: int = 0
    failures: int = 0
    equal: int = 0
    failure: str = ""
    delayed_ms: int = 0

    def note(self, failure: str) -> None:
        """Count a failure; its text is taken as it is stored, so that the next one is alike after a crash, too."""
        failure = storable(failure)
        self.failures += 1
        self.equal = self.equal + 1 if failure == self.failure else 1
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Judge:
    """Decide what follows from outcomes; `backoff` spaces attempts."""

    backoff: Backoff = field(default_factory=Backoff)

    def judge(
        self, operation: Operation, log: AttemptLog, outcome: Outcome, *, undo: bool, now_ms: int, chance: float
    ) -> Verdict:
        """Return what follows from the outcome of an attempt.

        Args:
            operation: what was called.
            log: what is known of the call; a failure is noted in it.
            outcome: of the attempt that ended last.
            undo: the call undoes another: it is never given up.
            now_ms: wall time.
            chance: uniform in [0, 1), for the backoff.
        """
        if isinstance(outcome, Reply):
            return Stands(outcome)
        if isinstance(outcome, Refused):
            return self._refused(operation, log, outcome, undo=undo, chance=chance)
        if isinstance(outcome, Undone):
            return Stands(outcome)
        if isinstance(outcome, OutcomeUnknown):
            log.arrived = True
            if outcome.reason == RUN_FAILED and not undo:
                return self._unrepeatable(operation, outcome)
        if outcome.reason != ADMISSION:
            log.note(f"{outcome.reason}: {outcome.what}")
        elif undo or not log.abandoned:
            return self._delay(log, outcome, chance=chance)
        if undo:
            return self._again(log, outcome, chance=chance, undo=True)
        if log.arrived and not operation.repeatable:
            return self._unrepeatable(operation, outcome)
        left_ms = _time_left_ms(operation, log, now_ms)
        if log.abandoned or (left_ms is not None and left_ms <= 0):
            if log.arrived and _is_pivot(operation):
                return self._unrepeatable(operation, outcome)
            return Stands(_folded(log, outcome, operation))
        return self._again(log, outcome, chance=chance, undo=False, left_ms=left_ms)

    def _delay(self, log: AttemptLog, outcome: NotDone | OutcomeUnknown, *, chance: float) -> TryAgain:
        # Nothing was tried: a call that is given up for that would be given up because a queue was full.
        wait_ms = max(self.backoff.wait_ms(log.count, chance), outcome.retry_after_ms or 0)
        log.delayed_ms += wait_ms
        return TryAgain(wait_ms)

    def _refused(
        self, operation: Operation, log: AttemptLog, refused: Refused, *, undo: bool, chance: float
    ) -> Verdict:
        if undo:
            log.note(f"declined: {refused.kind}")
            wait_ms = self.backoff.wait_ms(max(log.count, FIRST_ATTENTION), max(chance, 0.5))
            return TryAgain(wait_ms, f"the undo {operation.target} was declined with {refused.kind}")
        if log.arrived and not operation.exactly_once and operation.kind is not EffectKind.READ:
            what = f"{operation.target} declined an attempt after one that may have been done"
            unknown = OutcomeUnknown(what, reason="declined-later")
            return self._unrepeatable(operation, unknown) if _is_pivot(operation) else Stands(unknown)
        return Stands(refused)

    def _unrepeatable(self, operation: Operation, outcome: NotDone | OutcomeUnknown) -> Verdict:
        if _is_pivot(operation):
            if operation.asks is not None:
                return Ask(operation.asks)
            return Stuck(f"{operation.target} may or may not have happened and cannot be undone: {outcome.what}")
        if isinstance(outcome, NotDone):
            return Stands(
                OutcomeUnknown(f"an earlier attempt may have been done; {outcome.what}", reason=outcome.reason)
            )
        return Stands(outcome)

    def _again(
        self,
        log: AttemptLog,
        outcome: NotDone | OutcomeUnknown,
        *,
        chance: float,
        undo: bool,
        left_ms: int | None = None,
    ) -> TryAgain:
        wait_ms = max(self.backoff.wait_ms(log.count, chance), outcome.retry_after_ms or 0)
        if left_ms is not None:
            # The last attempt is made when the time is up, not after a wait that begins before and ends long after.
            wait_ms = min(wait_ms, left_ms)
        failures = log.failures if undo else log.equal
        if failures < FIRST_ATTENTION:
            return TryAgain(wait_ms)
        which = "undo failed" if undo else "call failed alike"
        return TryAgain(wait_ms, f"{which} {failures} times in a row: {outcome.what}")


def _time_left_ms(operation: Operation, log: AttemptLog, now_ms: int) -> int | None:
    """Return how long a call may still be tried again; nothing for ever."""
    limit_ms = operation.give_up_after_ms
    if operation.kind is EffectKind.READ:
        limit_ms = operation.timeout_ms if limit_ms is None else min(limit_ms, operation.timeout_ms)
    return None if limit_ms is None else log.began_ms + log.delayed_ms + limit_ms - now_ms


def _is_pivot(operation: Operation) -> bool:
    return operation.kind is EffectKind.IRREVERSIBLE


def _folded(log: AttemptLog, outcome: NotDone | OutcomeUnknown, operation: Operation) -> Outcome:
    reason = outcome.reason if log.abandoned else "gave-up"
    what = f"{operation.target} was given up after {log.count} attempts: {outcome.what}"
    # A read changes nothing, wherever it came to: what may follow it does not depend on that.
    if log.arrived and operation.kind is not EffectKind.READ:
        return OutcomeUnknown(what, reason=reason)
    return NotDone(what, reason=reason)
