"""Placing an order: what it sells, what it takes back, and that nothing in between is ever left over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from examples.shop.services.cart import Carts
from examples.shop.services.inventory import Inventory
from examples.shop.services.notification import Notifications
from examples.shop.services.order import Orders, OrderState
from examples.shop.services.payment import Balance, Payments
from examples.shop.services.shipping import Shipping
from examples.shop.services.user import Users
from examples.shop.values import Ended, Ending, Order, OrderId
from examples.shop.workflows.place_order import CancelOrder, place_order, stage
from tests.examples.shop.orders import ADA, HEART, LANTERN, common_name, name_with_lot, order_of
from weft import WeftError
from weft.testing import World

NOTHING = Decimal("0.00")
A_MONTH = timedelta(days=30)


def order_named(name: str, **changes: timedelta) -> Order:
    """Return an order of six hearts and two lanterns for 22.08."""
    return order_of((HEART, 4, "2.55"), (HEART, 2, "2.55"), (LANTERN, 2, "3.39"), name=name, **changes)


async def ended(world: World, order: Order) -> Ended:
    """Run an order to its end."""
    run = await world.start(place_order, order, id=order.id)
    await world.advance(A_MONTH)
    return await run.result()


async def assert_no_trace(world: World, order: Order) -> None:
    """Check that nothing is held, owed or on its way for an order."""
    stock = await world.proxy(Inventory).available((HEART, LANTERN))
    balance = await world.proxy(Payments).balance(order.id)
    assert stock == {HEART: 10, LANTERN: 10}
    assert balance.charged == balance.refunded
    assert await world.proxy(Shipping).track(order.id) in {"none", "cancelled"}
    status = await world.proxy(Orders).status(order.id)
    assert status is None or status.state in {OrderState.WITHDRAWN, OrderState.CLOSED}


async def test_order_is_shipped(world: World) -> None:
    """What is ordered is paid, has left the shelf and is with the carrier, and the customer knows."""
    order = order_named(common_name())

    found = await ended(world, order)

    assert (found.ending, found.net) == (Ending.SHIPPED, Decimal("22.08"))
    status = await world.proxy(Orders).status(order.id)
    assert status is not None
    assert (status.state, status.total, status.tracking) == (OrderState.SHIPPED, Decimal("22.08"), found.tracking)
    assert await world.proxy(Inventory).available((HEART, LANTERN)) == {HEART: 4, LANTERN: 8}
    assert await world.proxy(Payments).balance(order.id) == Balance(Decimal("22.08"), NOTHING)
    assert await world.proxy(Shipping).track(order.id) == "handed over"
    assert await world.proxy(Notifications).told(order.id) == f"Your order {order.id}: shipped"


async def test_guest_is_served(world: World) -> None:
    """A guest's order is shipped, though nobody can be told."""
    order = order_of((HEART, 1, "2.55"), name=common_name(), customer=None)

    assert (await ended(world, order)).ending is Ending.SHIPPED
    assert await world.proxy(Notifications).told(order.id) is None


async def test_declined_payment_releases_the_stock(world: World) -> None:
    """Who cannot pay keeps nothing from others."""
    order = order_named(name_with_lot("card", one_in=40))

    assert (await ended(world, order)).ending is Ending.PAYMENT_DECLINED

    await assert_no_trace(world, order)


async def test_undeliverable_order_ends_in_refund_and_release(world: World) -> None:
    """A paid order whose shipping fails for good costs the customer nothing, and its goods are for sale again."""
    order = order_named(name_with_lot("parcel", one_in=50))

    assert (await ended(world, order)).ending is Ending.UNDELIVERABLE

    assert await world.proxy(Payments).balance(order.id) == Balance(Decimal("22.08"), Decimal("22.08"))
    await assert_no_trace(world, order)


async def test_order_for_too_much_is_refused_before_it_is_paid(world: World) -> None:
    """A SKU that repeats needs the sum of its lines."""
    order = order_of((HEART, 6, "1"), (HEART, 5, "1"), name=common_name())

    assert (await ended(world, order)).ending is Ending.OUT_OF_STOCK

    assert world.sent(Payments.charge) == 0
    await assert_no_trace(world, order)


async def test_last_unit_is_sold_once(world: World) -> None:
    """Of two customers who want the last ten, one gets them and the other gets the money back, or never pays."""
    first, second = (order_of((HEART, 10, "2.55"), name=common_name(start)) for start in (540000, 550000))

    runs = [await world.start(place_order, order, id=order.id) for order in (first, second)]
    await world.advance(A_MONTH)

    endings = {(await run.result()).ending for run in runs}
    assert endings == {Ending.SHIPPED, Ending.OUT_OF_STOCK}
    assert await world.proxy(Inventory).available((HEART,)) == {HEART: 0}


async def test_closed_account_buys_nothing(world: World) -> None:
    """The check-out asks the users, and the order stays in the book with the reason."""
    order = order_named(common_name())
    await world.proxy(Users).close_account(ADA)

    assert (await ended(world, order)).ending is Ending.ACCOUNT_CLOSED

    await assert_no_trace(world, order)


async def test_rejected_order_gives_the_cart_back(world: World) -> None:
    """The customer finds the lines in the cart again."""
    order = order_named(name_with_lot("card", one_in=40))
    await ended(world, order)

    carts = world.proxy(Carts)
    assert await carts.contents(order.id) == order.lines
    await carts.take_out(order.id, 1)
    assert await carts.contents(order.id) == order.lines[1:]


@pytest.mark.parametrize("name", [common_name(), name_with_lot("mail", one_in=30, start=536400)])
async def test_failing_notification_fails_no_order(world: World, name: str) -> None:
    """A mail server that is gone for ever, or a message that bounces, is no reason not to ship."""
    world.faults.lose_request(Notifications.tell)
    order = order_named(name)

    assert (await ended(world, order)).ending is Ending.SHIPPED
    assert await world.proxy(Shipping).track(order.id) == "handed over"


async def test_lost_reply_charges_once(world: World) -> None:
    """A charge whose reply is lost is asked for again, and made once."""
    world.faults.lose_reply(Payments.charge, times=1)
    order = order_named(common_name())

    assert (await ended(world, order)).ending is Ending.SHIPPED

    assert (world.sent(Payments.charge), world.applied(Payments.charge)) == (2, 1)
    assert await world.proxy(Payments).balance(order.id) == Balance(Decimal("22.08"), NOTHING)


async def test_customer_cancels_while_the_order_is_on_hold(world: World) -> None:
    """A message that comes in time takes everything back."""
    order = order_named(common_name(), hold=timedelta(days=14))
    run = await world.start(place_order, order, id=order.id)
    await world.advance(timedelta(days=13))
    assert await run.read(stage) == "on hold"

    await run.send(CancelOrder("I changed my mind"))
    await world.settle()

    assert (await run.result()).ending is Ending.CANCELLED
    await assert_no_trace(world, order)


async def test_hold_ends_by_itself(world: World) -> None:
    """An order that nobody cancels is shipped once its time has come."""
    order = order_named(common_name(), hold=timedelta(days=14))
    run = await world.start(place_order, order, id=order.id)
    await world.advance(timedelta(days=13))
    assert await world.proxy(Shipping).track(order.id) == "none"

    await world.advance(timedelta(days=2))

    assert (await run.result()).ending is Ending.SHIPPED


async def test_message_that_comes_early_is_heard(world: World) -> None:
    """A customer may cancel before the order is paid; the parcel is never handed over."""
    world.faults.delay(Inventory.reserve, by=timedelta(seconds=20))
    order = order_named(common_name())
    run = await world.start(place_order, order, id=order.id)
    await world.settle()

    await run.send(CancelOrder("too slow"))
    await world.advance(A_MONTH)

    assert (await run.result()).ending is Ending.CANCELLED
    await assert_no_trace(world, order)


STEPS = [
    Orders.place,
    Carts.check_out,
    Inventory.reserve,
    Payments.charge,
    Orders.confirm,
    Shipping.book,
    Inventory.ship,
    Orders.dispatch,
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__qualname__)
async def test_run_is_cancelled_at_any_step(world: World, step: object) -> None:
    """Cancelled while a step is under way, an order takes back that step and all before it."""
    world.faults.delay(step, by=timedelta(seconds=20))  # pyright: ignore[reportArgumentType]
    order = order_named(common_name())
    run = await world.start(place_order, order, id=order.id)
    await world.settle()

    await run.cancel("an operator said so")
    await world.advance(A_MONTH)

    with pytest.raises(WeftError, match="E302"):
        await run.result()
    await assert_no_trace(world, order)


async def test_cancelling_comes_too_late_for_a_parcel_on_its_way(world: World) -> None:
    """What the carrier has cannot be taken back, so nothing else is."""
    world.faults.lose_reply(Shipping.hand_over, times=1)
    order = order_named(common_name())
    run = await world.start(place_order, order, id=order.id)
    await world.settle()

    await run.cancel("an operator said so")
    await world.advance(A_MONTH)

    status = await world.proxy(Orders).status(OrderId(order.id))
    assert status is not None
    assert status.state is OrderState.SHIPPED
    assert await world.proxy(Shipping).track(order.id) == "handed over"
    assert await world.proxy(Payments).balance(order.id) == Balance(Decimal("22.08"), NOTHING)
