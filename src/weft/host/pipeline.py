"""The pipe that calls run through: policies, the outermost first, around the dispatcher."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence

from weft.clock import Clock
from weft.errors import OutcomeUnknown
from weft.host.dispatcher import Bound, Dispatcher, Witness
from weft.host.words import log_failure, words_of
from weft.model.call import Call, Handler, Outcome, Policy


class Pipeline:
    """Sends calls to services that are made later: proxies hold `send` before there is anything to send to."""

    def __init__(self, policies: Sequence[Policy], *, clock: Clock, witness: Witness | None = None) -> None:
        self._policies = tuple(policies)
        self._clock = clock
        self._witness = witness
        self._handler: Handler | None = None

    def connect(self, bound: Mapping[str, Bound]) -> None:
        """Compose the policies around the operations."""
        dispatcher = Dispatcher(bound, send=self.send, clock=self._clock, witness=self._witness)
        handler: Handler = dispatcher.__call__  # the method itself: to call an object takes a step more
        for policy in reversed(self._policies):
            handler = policy(handler)
        self._handler = _guarded(handler) if self._policies else handler

    @property
    def handler(self) -> Handler:
        """Return what `send` sends to, for who is opened after the services are bound: one step less for each call."""
        assert self._handler is not None, "services are bound before anything is sent"
        return self._handler

    def send(self, call: Call) -> Awaitable[Outcome]:
        """Send a call to its service; a Handler."""
        assert self._handler is not None, "services are bound before anything is sent"
        return self._handler(call)


def _guarded(handler: Handler) -> Handler:
    """Keep the promise of a handler for policies, which anybody may write: it raises nothing but CancelledError."""

    async def handle(call: Call) -> Outcome:
        try:
            return await handler(call)
        except Exception as error:  # noqa: BLE001 - the border: a broken policy is one call's failure, not the engine's
            log_failure("a policy failed on a call of %s", call.target, error)
            what = f"a policy failed on a call of {call.target}: {words_of(error)}"
            return OutcomeUnknown(what, reason="policy")

    return handle
