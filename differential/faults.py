"""Faults of attempts: a function of seed, operation, business key and attempt, so the same on every engine."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from tests.engine.embedded.mill import SoldOut, Step, not_done, reply_lost, request_lost
from weft.clock import SystemClock
from weft.codec import codec_for
from weft.faults.decision import chance
from weft.model.call import Call, Handler, Outcome, Refused

OPERATIONS = ("pay", "refund", "burn", "put", "look")
EXACTLY_ONCE = frozenset({"pay", "refund", "burn"})
DECLINED = 0.1
"""The fraction of payments that are declined: that changes outcomes, so nothing but the key decides it."""

STRUCK = 0.3
"""The fraction of first and second attempts that meet a fault which changes no outcome."""

STRUCK_ATTEMPTS = 2


async def told_twice(call: Call, handler: Handler) -> Outcome:
    """Deliver a call again after its answer, and answer with what came of that."""
    await handler(call)
    return await handler(call)


_AT_LEAST_ONCE: tuple[Step, ...] = (request_lost, reply_lost, not_done)
_ONCE: tuple[Step, ...] = (*_AT_LEAST_ONCE, told_twice)


class Faults:
    """What becomes of attempts; a step for the script of a mill.

    Attributes:
        late_ms: how long the call was on its way that took longest: what the engine's time adds to a program's own.
        spared: trials without faults.
        delay: waits before an attempt, where calls are to take time.
    """

    def __init__(self, seed: int, stage: str) -> None:
        self._seed = seed
        self._prefix = f"{stage}-"
        self._clock = SystemClock()
        self.delay: Callable[[str], Awaitable[None]] | None = None
        self.late_ms = 0
        self.spared: set[int] = set()

    async def __call__(self, call: Call, handler: Handler) -> Outcome:
        """Let an attempt through, or not."""
        key = self._key(call)
        if self.delay is not None and key:
            await self.delay(f"{call.operation} {key.partition('.')[2]} {call.attempt}")
        number = int(key.split(".")[0]) if key else None
        if number is None or number in self.spared:
            return await handler(call)
        if call.attempt == 1 and call.undoes is None:
            self.late_ms = max(self.late_ms, self._clock.now_ms() - call.issued_ms)
        place = key.partition(".")[2]  # not the trial's number: a smaller program meets what the larger one met
        if call.operation == "pay" and chance(self._seed, "declined", place) < DECLINED:
            return Refused(SoldOut.__name__, codec_for(SoldOut).encode(SoldOut(key)))
        drawn = chance(self._seed, call.operation, place, call.attempt)
        if call.attempt > STRUCK_ATTEMPTS or drawn >= STRUCK:
            return await handler(call)
        steps = _ONCE if call.operation in EXACTLY_ONCE else _AT_LEAST_ONCE
        return await steps[int(drawn / STRUCK * len(steps))](call, handler)

    def _key(self, call: Call) -> str:
        """Return what the call is about, without the name of the stage; nothing for what is no trial's."""
        for word in str(next(iter(json.loads(call.arguments).values()), "")).split(" "):
            if word.startswith(self._prefix):
                return word.removeprefix(self._prefix)
        return ""
