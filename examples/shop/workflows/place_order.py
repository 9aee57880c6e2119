"""The story of an order: check, reserve, pay, confirm, ship, tell; and how it is taken back if one step fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

from examples.shop.services.cart import Carts
from examples.shop.services.catalog import UnknownSku
from examples.shop.services.inventory import Inventory, OutOfStock
from examples.shop.services.notification import Notifications, Unreachable
from examples.shop.services.order import Orders
from examples.shop.services.payment import PaymentDeclined, Payments
from examples.shop.services.shipping import Shipping, Undeliverable
from examples.shop.services.user import AccountClosed
from examples.shop.values import Ended, Ending, Order, OrderId
from weft import CallFailed, Declined, Signal, State, receive, saga, workflow


class CancelOrder(Signal):
    """The customer does not want the order any more. Once the parcel is with the carrier it is too late."""

    because: str


class CustomerCancelled(Declined):
    """The customer cancelled before the parcel was handed over."""

    order_id: OrderId


stage = State("stage", "placed")
"""Where the order stands, for whoever looks from outside: `placed`, `on hold`, `shipping`, or how it ended."""

ENDINGS: dict[type[Declined], Ending] = {
    UnknownSku: Ending.UNKNOWN_SKU,
    AccountClosed: Ending.ACCOUNT_CLOSED,
    OutOfStock: Ending.OUT_OF_STOCK,
    PaymentDeclined: Ending.PAYMENT_DECLINED,
    Undeliverable: Ending.UNDELIVERABLE,
    CustomerCancelled: Ending.CANCELLED,
}


@workflow
async def place_order(
    order: Order,
    *,
    orders: Orders,
    carts: Carts,
    inventory: Inventory,
    payments: Payments,
    shipping: Shipping,
    notifications: Notifications,
) -> Ended:
    """Sell and ship an order, or leave no trace of it but an entry in the order book that says why."""
    cancelling = asyncio.create_task(receive(CancelOrder))
    try:
        async with saga():
            await orders.place(order)
            total = await carts.check_out(order)
            await inventory.reserve(order.id, order.items)
            await payments.charge(order.id, order.customer, total)
            await orders.confirm(order.id, total)

            await _time_to_cancel(order, cancelling)

            tracking = await shipping.book(order.id, order.country)
            await inventory.ship(order.id)
            await orders.dispatch(order.id, tracking)
            _still_wanted(order, cancelling)
            # Last, because nobody can take it back: whatever fails before it, the customer keeps the money.
            await shipping.hand_over(order.id)
    except Declined as refusal:
        ended = Ended(order.id, ENDINGS.get(type(refusal), Ending.REFUSED), Decimal("0.00"))
        await orders.close(order.id, ended.ending)
    else:
        ended = Ended(order.id, Ending.SHIPPED, total, tracking)

    # The order has ended, whether anybody hears of it or not.
    with suppress(CallFailed, Unreachable):
        await notifications.tell(order.id, order.customer, f"Your order {order.id}: {ended.ending.value}")
    return ended


async def _time_to_cancel(order: Order, cancelling: asyncio.Task[CancelOrder]) -> None:
    """Keep the parcel back for as long as the customer asked to, and no longer than until they cancel."""
    if order.hold:
        stage.set("on hold")
        await asyncio.wait({cancelling}, timeout=order.hold.total_seconds())
    _still_wanted(order, cancelling)


def _still_wanted(order: Order, cancelling: asyncio.Task[CancelOrder]) -> None:
    if cancelling.done():
        raise CustomerCancelled(order.id)
