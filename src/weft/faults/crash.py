"""The process of a service dies: before its commit, so that nothing happened, or after it, so that nobody hears."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from weft.errors import OutcomeUnknown
from weft.model.call import Call, Handler, Outcome

doomed: ContextVar[str | None] = ContextVar("weft_doomed", default=None)
"""Id of the call whose service dies just before its commit; the host's dispatcher looks at it there."""


class Crashed(BaseException):
    """The process is gone: nothing after this line runs, and whatever was not committed is rolled back."""


def crash(handler: Handler, *, before: Callable[[Call], bool], after: Callable[[Call], bool]) -> Handler:
    """Return a handler whose service dies before its commit, or after it, where told to.

    The caller cannot tell the two apart: both are an unknown outcome.
    """

    async def handle(call: Call) -> Outcome:
        if before(call):
            token = doomed.set(call.id)
            try:
                await handler(call)
            except Crashed:
                pass
            finally:
                doomed.reset(token)
            return _died(call)
        if after(call):
            await handler(call)
            return _died(call)
        return await handler(call)

    return handle


def _died(call: Call) -> OutcomeUnknown:
    return OutcomeUnknown(f"the process of {call.target} died during the call", reason="crash")
