"""Cancelling and returning: what matches comes back and is paid back, what does not is refused with its reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from examples.shop.services.inventory import Inventory
from examples.shop.services.notification import Notifications
from examples.shop.services.payment import Balance, Payments, RefundTooLarge
from examples.shop.services.shipping import Shipping
from examples.shop.values import Ending, Match, Order, OrderId, Refund, ReturnRequest, Settled, Verdict, lot
from examples.shop.workflows.cancel_or_return import cancel_or_return
from examples.shop.workflows.place_order import place_order
from tests.examples.shop.orders import HEART, LANTERN, common_name, name_with_lot, order_of, return_of
from weft.testing import World

A_MONTH = timedelta(days=30)
ORDER = order_of((HEART, 6, "2.55"), (LANTERN, 2, "3.39"), name=common_name())
REACHABLE = next(name for name in (f"C{n}" for n in range(600000, 700000)) if lot("mail", name) % 30)
HELD = order_of((HEART, 6, "2.55"), name=common_name(537000), hold=timedelta(days=14))


async def ship(world: World, order: Order = ORDER) -> None:
    """Run an order to its end."""
    await world.start(place_order, order, id=order.id)
    await world.settle()


async def settled(world: World, request: ReturnRequest) -> Settled:
    """Run a return to its end."""
    run = await world.start(cancel_or_return, request, id=request.id)
    await world.advance(A_MONTH)
    return await run.result()


async def test_shipped_goods_come_back(world: World) -> None:
    """What matches is on the shelf again, its money is with the customer, and the customer knows."""
    await ship(world)
    request = return_of((HEART, 2), name=REACHABLE)

    found = await settled(world, request)

    assert found == Settled(request.id, Match.WHOLE, (Refund(ORDER.id, Decimal("5.10")),), ())
    assert await world.proxy(Inventory).available((HEART,)) == {HEART: 6}
    assert await world.proxy(Payments).balance(ORDER.id) == Balance(Decimal("22.08"), Decimal("5.10"))
    assert "5.10 for order" in str(await world.proxy(Notifications).told(request.id))


async def test_part_that_does_not_match_is_refused_with_its_reason(world: World) -> None:
    """Of a return that matches in part the rest is refused."""
    await ship(world)

    found = await settled(world, return_of((HEART, 2), (LANTERN, 3)))

    assert (found.match, found.refused) == (Match.PART, (Verdict.NOT_BOUGHT,))
    assert found.refunds == (Refund(ORDER.id, Decimal("5.10")),)


async def test_return_without_a_customer_moves_nothing(world: World) -> None:
    """A return that nobody brings is decided, refused and over."""
    await ship(world)

    found = await settled(world, return_of((HEART, 2), customer=None))

    assert (found.match, found.refunds, found.refused) == (Match.NO_CUSTOMER, (), (Verdict.NO_CUSTOMER,))
    assert (world.sent(Inventory.take_back), world.sent(Payments.pay_back)) == (0, 0)


async def test_order_that_was_never_shipped_is_not_paid_back(world: World) -> None:
    """Who never paid gets nothing back."""
    declined = order_of((HEART, 6, "2.55"), name=name_with_lot("card", one_in=40))
    await ship(world, declined)

    found = await settled(world, return_of((HEART, 2)))

    assert (found.match, found.refunds, found.refused) == (Match.WHOLE, (), (Verdict.NOT_SHIPPED,))


async def test_order_on_hold_is_cancelled(world: World) -> None:
    """A cancellation stops an order that is under way; its own undos give the money back."""
    run = await world.start(place_order, HELD, id=HELD.id)
    await world.settle()

    found = await settled(world, return_of((HEART, 6), cancels=HELD.id))

    assert (await run.result()).ending is Ending.CANCELLED
    assert (found.match, found.refunds, found.refused) == (Match.WHOLE, (), ())
    assert await world.proxy(Inventory).available((HEART,)) == {HEART: 10}
    balance = await world.proxy(Payments).balance(HELD.id)
    assert balance.charged == balance.refunded == Decimal("15.30")


async def test_cancellation_that_comes_too_late_is_a_return(world: World) -> None:
    """An order that was shipped before the message came brings its goods back."""
    await ship(world)

    found = await settled(world, return_of((HEART, 6), (LANTERN, 2), cancels=ORDER.id))

    assert found.refunds == (Refund(ORDER.id, Decimal("22.08")),)
    assert await world.proxy(Shipping).track(ORDER.id) == "handed over"
    assert await world.proxy(Inventory).available((HEART, LANTERN)) == {HEART: 10, LANTERN: 10}


async def test_refused_refund_sends_the_goods_out_again(world: World) -> None:
    """A return whose money cannot be paid back is undone as a whole, and may be asked for again."""
    await ship(world)
    world.faults.refuse(Payments.pay_back, with_=RefundTooLarge(OrderId(ORDER.id)))

    found = await settled(world, return_of((HEART, 2)))

    assert (found.refunds, found.refused) == ((), (Verdict.REFUSED,))
    assert await world.proxy(Inventory).available((HEART,)) == {HEART: 4}
    world.faults.clear()
    again = await settled(world, return_of((HEART, 6), name="C600001"))
    assert again.match is Match.WHOLE


async def test_lost_reply_pays_back_once(world: World) -> None:
    """A refund whose reply is lost is made once: nobody can take it back."""
    await ship(world)
    world.faults.lose_reply(Payments.pay_back, times=1)

    await settled(world, return_of((HEART, 2)))

    assert (world.sent(Payments.pay_back), world.applied(Payments.pay_back)) == (2, 1)
    assert (await world.proxy(Payments).balance(ORDER.id)).refunded == Decimal("5.10")
