"""A request is delivered twice, the second time after the answer."""

from __future__ import annotations

from datetime import timedelta

from weft.faults.network import Network
from weft.model.call import Call, Handler, Outcome, Policy


def duplicate(network: Network, after: timedelta) -> Policy:
    """Return a policy that delivers each request again, a duration after it was answered."""

    def around(handler: Handler) -> Handler:
        async def handle(call: Call) -> Outcome:
            outcome = await handler(call)
            network.send(call, handler, after=after)
            return outcome

        return handle

    return around
