"""Payment: the ledger balances, nothing is charged twice, and no more goes back than was paid."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from examples.shop.services.payment import (
    CARD_LIMIT,
    DECLINES_ONE_IN,
    Balance,
    ChargeExists,
    PaymentDeclined,
    RefundTooLarge,
    SqlPayments,
    entries,
    postings,
    settlements,
)
from examples.shop.values import OrderId, Refund, ReturnId
from tests.examples.shop.orders import ADA, common_name, name_with_lot

ORDER = OrderId(common_name())
OTHER = OrderId(common_name(int(ORDER) + 1))
BACK = ReturnId("C1")
TEN, NOTHING = Decimal("10.00"), Decimal("0.00")


async def unbalanced(payments: SqlPayments) -> list[str]:
    """Return the entries whose postings do not sum to zero."""
    total = select(postings.c.entry).group_by(postings.c.entry).having(func.sum(postings.c.amount) != NOTHING)
    async with payments.db.transaction() as tx:
        return [row.entry for row in await tx.rows(total)]


async def test_charge_moves_money_from_customer_to_sales(payments: SqlPayments) -> None:
    """What the customer pays is what the shop sold."""
    await payments.charge(ORDER, ADA, TEN)

    assert await payments.trial_balance() == {"customer": -TEN, "sales": TEN}
    assert await payments.balance(ORDER) == Balance(TEN, NOTHING)
    assert await unbalanced(payments) == []


async def test_order_is_charged_once(payments: SqlPayments) -> None:
    """A second charge for an order is refused, even after the first went back."""
    await payments.charge(ORDER, ADA, TEN)
    with pytest.raises(ChargeExists):
        await payments.charge(ORDER, ADA, TEN)

    await payments.refund(ORDER, ADA, TEN)

    with pytest.raises(ChargeExists):
        await payments.charge(ORDER, ADA, TEN)


async def test_issuer_declines_by_its_lot(payments: SqlPayments) -> None:
    """An order that draws the issuer's lot is declined, each time, and leaves nothing in the ledger."""
    unlucky = OrderId(name_with_lot("card", one_in=DECLINES_ONE_IN))

    for _ in range(2):
        with pytest.raises(PaymentDeclined) as refusal:
            await payments.charge(unlucky, ADA, TEN)
        assert refusal.value.reason == "insufficient funds"

    assert await payments.trial_balance() == {}


async def test_issuer_declines_above_the_limit(payments: SqlPayments) -> None:
    """The limit itself can be paid, a penny more cannot."""
    with pytest.raises(PaymentDeclined):
        await payments.charge(ORDER, ADA, CARD_LIMIT + Decimal("0.01"))

    await payments.charge(ORDER, ADA, CARD_LIMIT)

    assert (await payments.balance(ORDER)).charged == CARD_LIMIT


async def test_refund_undoes_the_charge_once(payments: SqlPayments) -> None:
    """The undo pays everything back, once, and harms nothing without a charge."""
    await payments.charge(ORDER, ADA, TEN)

    await payments.refund(ORDER, ADA, TEN)
    await payments.refund(ORDER, ADA, TEN)
    await payments.refund(OTHER, None, TEN)

    assert await payments.balance(ORDER) == Balance(TEN, TEN)
    assert await payments.trial_balance() == {"customer": NOTHING, "sales": NOTHING}
    assert await unbalanced(payments) == []


async def test_guest_pays_from_an_account_of_the_order(payments: SqlPayments) -> None:
    """Two guests are two accounts."""
    await payments.charge(ORDER, None, TEN)
    await payments.charge(OTHER, None, TEN)

    assert await payments.trial_balance() == {"guest": -2 * TEN, "sales": 2 * TEN}


async def test_return_pays_back_for_several_orders_once(payments: SqlPayments) -> None:
    """Money for goods that came back is paid once, and whoever asks hears how much."""
    refunds = (Refund(ORDER, Decimal("4.00")), Refund(OTHER, Decimal("1.50")))
    await payments.charge(ORDER, ADA, TEN)
    await payments.charge(OTHER, ADA, TEN)
    assert await payments.paid_back(BACK, refunds) is None

    paid = [await payments.pay_back(BACK, refunds) for _ in range(2)]

    assert paid == [Decimal("5.50")] * 2
    assert await payments.paid_back(BACK, refunds) == Decimal("5.50")
    assert await payments.balance(ORDER) == Balance(TEN, Decimal("4.00"))
    assert await unbalanced(payments) == []


async def test_no_more_goes_back_than_was_paid(payments: SqlPayments) -> None:
    """A return over the rest of what was paid is refused as a whole."""
    await payments.charge(ORDER, ADA, TEN)
    await payments.pay_back(BACK, (Refund(ORDER, Decimal("6.00")),))

    with pytest.raises(RefundTooLarge) as refusal:
        await payments.pay_back(ReturnId("C2"), (Refund(ORDER, Decimal("4.01")),))

    assert refusal.value.order_id == ORDER
    assert (await payments.balance(ORDER)).refunded == Decimal("6.00")


async def test_order_of_nothing_has_an_entry_without_postings(payments: SqlPayments) -> None:
    """An order that rounds to nothing is in the ledger and moves no money."""
    await payments.charge(ORDER, ADA, NOTHING)

    async with payments.db.transaction() as tx:
        assert await tx.scalar(select(func.count()).select_from(entries)) == 1
        assert await tx.scalar(select(func.count()).select_from(postings)) == 0


async def test_database_itself_refuses_to_pay_back_more(payments: SqlPayments) -> None:
    """A statement that pays back more than was paid breaks a constraint, whoever wrote it."""
    await payments.charge(ORDER, ADA, TEN)

    with pytest.raises(IntegrityError, match="never_more_back_than_paid"):
        async with payments.db.transaction() as tx:
            await tx.execute(settlements.update().values(refunded=Decimal("10.01")))
