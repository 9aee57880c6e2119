"""A request is late: perhaps so late that its caller has given up, and it arrives all the same."""

from __future__ import annotations

from datetime import timedelta

from weft.errors import OutcomeUnknown
from weft.faults.network import Network
from weft.model.call import Call, Handler, Outcome, Policy


def delay(network: Network, by: timedelta) -> Policy:
    """Return a policy whose requests arrive later by a duration.

    A caller whose deadline passes first sees an unknown outcome then; the request arrives nevertheless, perhaps after
    the caller has undone what it never was told of.
    """

    def around(handler: Handler) -> Handler:
        async def handle(call: Call) -> Outcome:
            patience = None if call.remaining_ms is None else timedelta(milliseconds=call.remaining_ms)
            if patience is None or by < patience:
                return await network.send_and_wait(call, handler, after=by)
            network.send(call, handler, after=by)
            await network.clock.sleep(patience)
            return OutcomeUnknown(f"{call.target} did not answer in time", reason="timeout")

        return handle

    return around
