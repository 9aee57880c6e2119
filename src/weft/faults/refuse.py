"""A call is refused: before it reaches the callee, or by a refusal that the callee might have decided."""

from __future__ import annotations

from weft.errors import NotDone
from weft.model.call import Call, Handler, Outcome, Policy, Refused


def refuse(handler: Handler) -> Handler:
    """Return a handler that turns calls away, as an overloaded callee does: they certainly did not happen."""
    del handler

    async def handle(call: Call) -> Outcome:
        return NotDone(f"{call.target} turned the call away", reason="unavailable")

    return handle


def decline(refused: Refused) -> Policy:
    """Return a policy that answers with a refusal in the callee's place."""

    def around(handler: Handler) -> Handler:
        del handler

        async def handle(call: Call) -> Outcome:
            del call
            return refused

        return handle

    return around
