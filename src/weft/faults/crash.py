"""The process of a service dies: before its commit, so that nothing happened, or after it, so that nobody hears."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar

from weft.errors import OutcomeUnknown
from weft.model.call import Call, Handler, Outcome

doomed: ContextVar[str | None] = ContextVar("weft_doomed", default=None)
"""Id of the call whose service dies just before its commit; the host's dispatcher looks at it there."""


class Crashed(BaseException):
    """The process is gone: nothing after this line runs, and whatever was not committed is rolled back."""


def crash_before_commit(handler: Handler) -> Handler:
    """Return a handler whose service has done its work and dies before it is committed."""

    async def handle(call: Call) -> Outcome:
        token = doomed.set(call.id)
        try:
            with suppress(Crashed):
                await handler(call)
        finally:
            doomed.reset(token)
        return _died(call)

    return handle


def crash_after_commit(handler: Handler) -> Handler:
    """Return a handler whose service has committed its work and dies before it answers."""

    async def handle(call: Call) -> Outcome:
        await handler(call)
        return _died(call)

    return handle


def _died(call: Call) -> OutcomeUnknown:
    # One text for both: the caller cannot know how far the callee came.
    return OutcomeUnknown(f"the process of {call.target} died during the call", reason="crash")
