"""What was sent and what was applied: the books of a world."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from weft.clock import Clock, to_datetime
from weft.flow.ambient import current_call
from weft.host.dispatcher import Ending
from weft.model.call import Call, Handler, Outcome


@dataclass(slots=True)
class Sent:
    """One attempt of a caller.

    Attributes:
        at: when it was sent.
        outcome: what the caller saw; nothing while it waits, or after it was cancelled.
    """

    call: Call
    at: datetime
    outcome: Outcome | None = None


class Ledger:
    """Keeps account of calls, over all lives of a world.

    Attributes:
        calls: every attempt, in order of sending.
        under_way: calls with an attempt without an outcome, by id, with how many; those that an operation waits for
            are left out: it is under way itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.calls: list[Sent] = []
        self.under_way: Counter[str] = Counter()
        self._applied: Counter[tuple[str, str]] = Counter()
        self._interrupted: set[tuple[str, str]] = set()

    def sending(self, handler: Handler) -> Handler:
        """Return a handler that notes what callers send; a policy, to stand outside every fault."""

        async def handle(call: Call) -> Outcome:
            sent = Sent(call, to_datetime(self._clock.now_ms()))
            self.calls.append(sent)
            counts = current_call.get() is None
            if counts:
                self.under_way[call.id] += 1
            try:
                sent.outcome = await handler(call)
            finally:
                if counts:
                    self.under_way[call.id] -= 1
                    if not self.under_way[call.id]:
                        del self.under_way[call.id]
            return sent.outcome

        return handle

    def arriving(self, handler: Handler) -> Handler:
        """Return a handler that notes whose work was interrupted; a policy, to stand inside every fault."""

        async def handle(call: Call) -> Outcome:
            try:
                return await handler(call)
            except asyncio.CancelledError:
                self._interrupted.add((call.target, call.id))
                raise

        return handle

    def witness(self, call: Call, ending: Ending) -> None:
        """Note how a delivery ended at the service."""
        effect = (call.target, call.id)
        if ending is Ending.APPLIED or (ending is Ending.SETTLED and self._was_applied_unseen(call)):
            self._applied[effect] += 1

    def _was_applied_unseen(self, call: Call) -> bool:
        """Tell whether a duplicate shows that an earlier delivery was committed while it was being interrupted."""
        effect = (call.target, call.id)
        if effect not in self._interrupted or effect in self._applied:
            return False
        # An undo without anything to take back has a stored outcome as well.
        return call.undoes is None or any(call_id == call.undoes for _, call_id in self._applied)

    def sent(self, target: str) -> int:
        """Return how many attempts callers sent to an operation, lost ones included."""
        return sum(each.call.target == target for each in self.calls)

    def applied(self, target: str) -> int:
        """Return how often an operation's effect was applied."""
        return sum(count for (name, _), count in self._applied.items() if name == target)

    def all_applied(self) -> dict[tuple[str, str], int]:
        """Return how often each effect was applied, by target and call id."""
        return dict(self._applied)
