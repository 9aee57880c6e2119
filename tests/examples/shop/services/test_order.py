"""Orders: a life along arrows, and returns that are matched with what was bought."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import product

import pytest

from examples.shop.services.order import (
    FORWARD,
    IllegalTransition,
    OrderExists,
    OrderState,
    OrderStatus,
    ReturnExists,
    SqlOrders,
)
from examples.shop.values import Ending, Match, Order, OrderId, Refund, Verdict
from tests.examples.shop.orders import HEART, LANTERN, order_of, return_of

ORDER = order_of((HEART, 6, "2.55"), (LANTERN, 6, "3.39"))
TOTAL = Decimal("35.64")


async def bring(orders: SqlOrders, state: OrderState, order: Order = ORDER) -> None:
    """Bring a new order to a state, along the arrows."""
    await orders.place(order)
    if state in {OrderState.CONFIRMED, OrderState.SHIPPED}:
        await orders.confirm(order.id, TOTAL)
    if state is OrderState.SHIPPED:
        await orders.dispatch(order.id, "W1")
    if state in {OrderState.WITHDRAWN, OrderState.CLOSED}:
        await orders.withdraw(order)
    if state is OrderState.CLOSED:
        await orders.close(order.id, Ending.OUT_OF_STOCK)


async def test_order_is_placed_once(orders: SqlOrders) -> None:
    """Two orders of one id are one too many."""
    await orders.place(ORDER)

    with pytest.raises(OrderExists):
        await orders.place(ORDER)

    assert await orders.status(ORDER.id) == OrderStatus(OrderState.PLACED, None, None, None)
    assert await orders.status(OrderId("0")) is None


async def test_whole_life_forward_and_back(orders: SqlOrders) -> None:
    """Each undo takes back one step, until the order is withdrawn and closed with its ending."""
    await bring(orders, OrderState.SHIPPED)
    assert await orders.status(ORDER.id) == OrderStatus(OrderState.SHIPPED, TOTAL, "W1", None)

    await orders.recall(ORDER.id, "W1")
    await orders.revoke(ORDER.id, TOTAL)
    await orders.withdraw(ORDER)
    await orders.close(ORDER.id, Ending.UNDELIVERABLE)
    await orders.close(ORDER.id, Ending.UNDELIVERABLE)

    assert await orders.status(ORDER.id) == OrderStatus(OrderState.CLOSED, None, None, Ending.UNDELIVERABLE)


STEPS: dict[OrderState, Callable[[SqlOrders], Awaitable[None]]] = {
    OrderState.CONFIRMED: lambda orders: orders.confirm(ORDER.id, TOTAL),
    OrderState.SHIPPED: lambda orders: orders.dispatch(ORDER.id, "W1"),
    OrderState.CLOSED: lambda orders: orders.close(ORDER.id, Ending.CANCELLED),
}
ILLEGAL = [(state, target) for state, target in product(OrderState, STEPS) if state is not FORWARD[target]]


@pytest.mark.parametrize(("state", "target"), ILLEGAL)
async def test_every_other_step_is_refused(orders: SqlOrders, state: OrderState, target: OrderState) -> None:
    """What is no arrow of the picture is refused, and the order stays where it was."""
    await bring(orders, state)
    before = await orders.status(ORDER.id)

    with pytest.raises(IllegalTransition) as refusal:
        await STEPS[target](orders)

    assert (refusal.value.state, refusal.value.wanted) == (state, target)
    assert await orders.status(ORDER.id) == before


@pytest.mark.parametrize("state", OrderState)
async def test_undo_twice_is_undo_once(orders: SqlOrders, state: OrderState) -> None:
    """Undos come twice, or without their operation, and change nothing that was not theirs."""
    await bring(orders, state)

    for _ in range(2):
        await orders.recall(ORDER.id, "W1")
        await orders.revoke(ORDER.id, TOTAL)
        await orders.withdraw(ORDER)

    status = await orders.status(ORDER.id)
    wanted = OrderState.CLOSED if state is OrderState.CLOSED else OrderState.WITHDRAWN
    assert status is not None
    assert status.state is wanted


async def test_unknown_order_is_not_confirmed(orders: SqlOrders) -> None:
    """An order that nobody placed goes nowhere."""
    with pytest.raises(IllegalTransition) as refusal:
        await orders.confirm(ORDER.id, TOTAL)

    assert refusal.value.state is None


async def test_return_of_shipped_goods_is_accepted(orders: SqlOrders) -> None:
    """What was bought, shipped and not returned before comes back at the price that was paid."""
    await bring(orders, OrderState.SHIPPED)

    decision = await orders.decide_return(return_of((HEART, 2)))

    assert (decision.match, decision.refused) == (Match.WHOLE, ())
    assert decision.refunds == (Refund(ORDER.id, Decimal("5.10")),)


async def test_nothing_comes_back_twice(orders: SqlOrders) -> None:
    """What one return took up is not there for the next, until the first is dropped."""
    await bring(orders, OrderState.SHIPPED)
    first = return_of((HEART, 6))
    await orders.decide_return(first)
    second = await orders.decide_return(return_of((HEART, 1), (LANTERN, 1), name="C600001"))

    await orders.drop_return(first)
    await orders.drop_return(first)
    third = await orders.decide_return(return_of((HEART, 6), name="C600002"))

    assert (second.match, second.refused) == (Match.PART, (Verdict.NOT_BOUGHT,))
    assert third.match is Match.WHOLE


async def test_return_is_decided_once(orders: SqlOrders) -> None:
    """A second decision on one return is refused."""
    await orders.decide_return(return_of((HEART, 1)))

    with pytest.raises(ReturnExists):
        await orders.decide_return(return_of((HEART, 1)))


async def test_purchase_that_came_later_does_not_count(orders: SqlOrders) -> None:
    """A return is matched with earlier orders only."""
    await bring(orders, OrderState.SHIPPED, order_of((HEART, 6, "2.55"), name="700000"))

    decision = await orders.decide_return(return_of((HEART, 1), name="C600000"))

    assert (decision.match, decision.refused) == (Match.NONE, (Verdict.NOT_BOUGHT,))


async def test_return_of_an_order_that_never_shipped_is_refused(orders: SqlOrders) -> None:
    """It matches, and still nothing is paid back."""
    await bring(orders, OrderState.CLOSED)

    decision = await orders.decide_return(return_of((HEART, 6)))

    assert (decision.match, decision.refused) == (Match.WHOLE, (Verdict.NOT_SHIPPED,))
    assert decision.refunds == ()


async def test_return_without_a_customer_is_refused(orders: SqlOrders) -> None:
    """Nobody knows what a guest bought."""
    await bring(orders, OrderState.SHIPPED)

    decision = await orders.decide_return(return_of((HEART, 6), customer=None))

    assert (decision.match, decision.refused) == (Match.NO_CUSTOMER, (Verdict.NO_CUSTOMER,))


async def test_cancellation_is_matched_with_its_order_alone(orders: SqlOrders) -> None:
    """A return that names the order it cancels takes nothing from others."""
    other = order_of((HEART, 6, "9.99"), name="536370")
    await bring(orders, OrderState.SHIPPED)
    await bring(orders, OrderState.SHIPPED, other)

    decision = await orders.decide_return(return_of((HEART, 6), cancels=ORDER.id))

    assert decision.refunds == (Refund(ORDER.id, Decimal("15.30")),)
