"""The story of a cancellation or a return: stop the order if it can still be stopped, take back what was shipped."""

from __future__ import annotations

from contextlib import suppress

from examples.shop.matching import Decision
from examples.shop.services.inventory import Inventory
from examples.shop.services.notification import Notifications, Unreachable
from examples.shop.services.order import Orders
from examples.shop.services.payment import Payments
from examples.shop.values import Match, OrderId, ReturnRequest, Settled, Verdict
from examples.shop.workflows.place_order import CancelOrder, place_order
from weft import CallFailed, Declined, RunClosed, Runs, saga, workflow

UNDECIDED = Decision(Match.NONE, ())


@workflow
async def cancel_or_return(
    request: ReturnRequest,
    *,
    runs: Runs,
    orders: Orders,
    inventory: Inventory,
    payments: Payments,
    notifications: Notifications,
) -> Settled:
    """Cancel an order or take goods back; what does not match an earlier purchase is refused, with the reason."""
    if request.cancels is not None:
        await _stop(request.cancels, request, runs)
    decision = UNDECIDED
    try:
        async with saga():
            decision = await orders.decide_return(request)
            if decision.accepted:
                await inventory.take_back(request.id, decision.accepted)
                # Last, because nobody can take it back.
                await payments.pay_back(request.id, decision.refunds)
    except Declined:
        settled = Settled(request.id, decision.match, (), (Verdict.REFUSED,))
    else:
        settled = Settled(request.id, decision.match, decision.refunds, decision.refused)

    with suppress(CallFailed, Unreachable):
        await notifications.tell(request.id, request.customer, _words(settled))
    return settled


async def _stop(order_id: OrderId, request: ReturnRequest, runs: Runs) -> None:
    """Ask an order to stop, and wait until it has ended one way or the other."""
    run = runs.find(place_order, order_id)
    # An order that ended before the message came was not stopped: if it was shipped, its goods come back.
    with suppress(RunClosed):
        await run.send(CancelOrder(request.id))
    await run.result()


def _words(settled: Settled) -> str:
    back = ", ".join(f"{refund.amount} for order {refund.order_id}" for refund in settled.refunds) or "nothing"
    reasons = "".join(f"; refused: {reason.value}" for reason in settled.refused)
    return f"Your return {settled.return_id}: {back} is paid back{reasons}"
