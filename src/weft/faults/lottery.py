"""Faults of every kind at one rate, for demonstrations: outcomes stay what they would be without them."""

from __future__ import annotations

from datetime import timedelta

from weft.faults.crash import crash_after_commit, crash_before_commit
from weft.faults.decision import chance, place_of
from weft.faults.delay import delay
from weft.faults.duplicate import duplicate
from weft.faults.lose import lose_reply, lose_request
from weft.faults.network import Network
from weft.faults.refuse import refuse
from weft.model.call import Call, Policy
from weft.model.effect import EffectKind
from weft.model.operation import Operation

STRUCK_ATTEMPTS = 3
"""Later attempts of a call are left alone, so that a call with a time limit never fails by bad luck."""

A_MOMENT = timedelta(milliseconds=20)


class Lottery:
    """Draws a fault for a fraction of all attempts, by seed, place and attempt."""

    def __init__(self, rate: float, *, seed: int, network: Network) -> None:
        self._rate = rate
        self._seed = seed
        harmless = (refuse, delay(network, A_MOMENT))
        lossy = (lose_request, lose_reply, crash_before_commit, crash_after_commit)
        self._once: tuple[Policy, ...] = harmless
        self._repeatable: tuple[Policy, ...] = (*harmless, *lossy)
        self._exactly_once: tuple[Policy, ...] = (*harmless, *lossy, duplicate(network, A_MOMENT))

    def draw(self, operation: Operation, call: Call) -> Policy | None:
        """Return the fault that strikes an attempt, or nothing."""
        if call.attempt > STRUCK_ATTEMPTS:
            return None
        drawn = chance(self._seed, call.target, place_of(call), call.attempt)
        if drawn >= self._rate:
            return None
        kinds = self._kinds(operation)
        return kinds[int(drawn / self._rate * len(kinds))]

    def _kinds(self, operation: Operation) -> tuple[Policy, ...]:
        if operation.exactly_once or operation.kind is EffectKind.READ:
            return self._exactly_once
        # A late second delivery of an idempotent operation may overtake what came after it.
        return self._repeatable if operation.repeatable else self._once
