"""The whole shop, crashed after every commit: each order ends as undisturbed, with every effect once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from examples.shop.system import shop
from examples.shop.values import Ended, Ending, Match, Order, OrderId, ReturnRequest, Settled
from examples.shop.workflows.cancel_or_return import cancel_or_return
from examples.shop.workflows.place_order import place_order
from examples.shop.workflows.restock import restock
from tests.examples.shop.orders import (
    HEART,
    LANTERN,
    OPENING,
    common_name,
    name_with_lot,
    order_of,
    return_of,
)
from weft import Runs, System, workflow
from weft.testing import World, crash_everywhere


def order_named(name: str, **changes: timedelta) -> Order:
    """Return an order of hearts and lanterns."""
    return order_of((HEART, 6, "2.55"), (LANTERN, 2, "3.39"), name=name, **changes)


@workflow
async def first_order(order: Order, *, runs: Runs) -> Ended:
    """Open the shop and serve one customer."""
    opening = await runs.start(restock, OPENING, id=OPENING.id)
    await opening.result()
    run = await runs.start(place_order, order, id=order.id)
    return await run.result()


@workflow
async def first_return(request: ReturnRequest, *, runs: Runs) -> Settled:
    """Open the shop, serve one customer, and take back what the customer brings back."""
    opening = await runs.start(restock, OPENING, id=OPENING.id)
    await opening.result()
    order = order_named(common_name(), hold=timedelta(days=1))
    run = await runs.start(place_order, order, id=order.id)
    if request.cancels is None:
        await run.result()
    back = await runs.start(cancel_or_return, request, id=request.id)
    return await back.result()


days = System(
    "shop",
    services=[spec.implementation for spec in shop.services.values()],
    workflows=[first_order, first_return, place_order, cancel_or_return, restock],
)

ORDERS = {
    Ending.SHIPPED: order_named(common_name()),
    Ending.UNDELIVERABLE: order_named(name_with_lot("parcel", one_in=50)),
}


def bad_weather(world: World) -> None:
    """Lose some of the replies."""
    for operation in ("inventory.reserve", "payment.charge", "shipping.hand_over", "payment.refund"):
        world.faults.lose_reply(operation, times=1)


@pytest.mark.parametrize("ending", ORDERS, ids=lambda ending: ending.value)
async def test_order_survives_a_crash_after_every_commit(ending: Ending) -> None:
    """Whatever becomes of an order undisturbed becomes of it in any case."""
    report = await crash_everywhere(days, first_order, ORDERS[ending], faults=bad_weather)

    assert ending.value.encode() in bytes(report.ending.result)  # pyright: ignore[reportArgumentType]
    assert report.commits > 10


@pytest.mark.parametrize("cancels", [None, ORDERS[Ending.SHIPPED].id], ids=["return", "cancellation"])
async def test_return_survives_a_crash_after_every_commit(cancels: OrderId | None) -> None:
    """A return is paid back once, and a cancellation finds its order, whatever was killed in between."""
    request = return_of((HEART, 6), (LANTERN, 2), cancels=cancels)

    report = await crash_everywhere(days, first_return, request)

    assert Match.WHOLE.value.encode() in bytes(report.ending.result)  # pyright: ignore[reportArgumentType]
    assert {n for name, n in report.ending.applied.items() if name != "notification.tell"} == {1}
