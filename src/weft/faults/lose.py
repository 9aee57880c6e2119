"""A message is lost: the request, so that the callee never hears, or the reply, so that the caller never does."""

from __future__ import annotations

from weft.errors import OutcomeUnknown
from weft.model.call import Call, Handler, Outcome


def lose_request(handler: Handler) -> Handler:
    """Return a handler that sends nothing; the caller sees what it would see after its timeout, at once."""
    del handler

    async def handle(call: Call) -> Outcome:
        return _unheard(call)

    return handle


def lose_reply(handler: Handler) -> Handler:
    """Return a handler whose callee works and whose caller sees what it would see after its timeout."""

    async def handle(call: Call) -> Outcome:
        await handler(call)
        return _unheard(call)

    return handle


def _unheard(call: Call) -> OutcomeUnknown:
    # One text for both: the caller cannot know which of the two messages was lost.
    return OutcomeUnknown(f"{call.target} did not answer in time", reason="timeout")
