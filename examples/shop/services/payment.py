"""Payment: a double-entry ledger. Every entry's postings sum to zero; nothing is charged twice or paid back twice.

The card issuer is a stand-in with two rules: it declines what is above CARD_LIMIT, and it declines an order whose lot
(see `values.lot`) for "card" is divisible by DECLINES_ONE_IN.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, ForeignKey, MetaData, String, Table, func, insert, select, update

from examples.shop.values import CustomerId, OrderId, Refund, ReturnId, lot
from weft import Declined, Service, compensated_by, idempotent, irreversible, operation, read
from weft.data import Database, Money, Transaction

CARD_LIMIT = Decimal("100000.00")
DECLINES_ONE_IN = 40
NOTHING = Decimal("0.00")


class PaymentDeclined(Declined):
    """The card issuer does not pay."""

    order_id: OrderId
    reason: str


class ChargeExists(Declined):
    """The order was charged already."""

    order_id: OrderId


class RefundTooLarge(Declined):
    """More would be paid back than the order has paid."""

    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Balance:
    """What an order was charged, and how much of it went back."""

    charged: Decimal
    refunded: Decimal


class Payments(Service, name="payment", exactly_once=True):
    """Charges and refunds by order, in one ledger."""

    @operation(idempotent)
    async def refund(self, order_id: OrderId, customer: CustomerId | None, amount: Decimal) -> None:
        """Pay back what is left of an order's charge; harmless if nothing was charged."""
        raise NotImplementedError

    @operation(compensated_by(refund), raises=(PaymentDeclined, ChargeExists))
    async def charge(self, order_id: OrderId, customer: CustomerId | None, amount: Decimal) -> None:
        """Charge an order to its customer's card, or to that of a guest."""
        raise NotImplementedError

    @operation(read)
    async def paid_back(self, return_id: ReturnId, refunds: tuple[Refund, ...]) -> Decimal | None:
        """Return what was paid back for a return, or nothing if it was not and never will be."""
        raise NotImplementedError

    @operation(irreversible(asks="paid_back"), raises=RefundTooLarge)
    async def pay_back(self, return_id: ReturnId, refunds: tuple[Refund, ...]) -> Decimal:
        """Pay back money for goods that came back, all refunds or none, and return the sum."""
        raise NotImplementedError

    @operation(read)
    async def balance(self, order_id: OrderId) -> Balance:
        """Return what an order was charged and paid back."""
        raise NotImplementedError

    @operation(read)
    async def trial_balance(self) -> dict[str, Decimal]:
        """Return the balance of every kind of account; together they are zero."""
        raise NotImplementedError


metadata = MetaData()
accounts = Table(
    "accounts",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, CheckConstraint("kind IN ('customer', 'guest', 'sales', 'returns')"), nullable=False),
)
entries = Table(
    "entries",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, CheckConstraint("kind IN ('charge', 'refund', 'return')"), nullable=False),
    Column("order_id", String, nullable=False, index=True),
    Column("return_id", String, index=True),
    Column("amount", Money, CheckConstraint("amount >= 0"), nullable=False),
    CheckConstraint("(kind = 'return') = (return_id IS NOT NULL)", name="a_return_is_named"),
)
postings = Table(
    "postings",
    metadata,
    Column("entry", String, ForeignKey("entries.id"), primary_key=True),
    Column("account", String, ForeignKey("accounts.id"), primary_key=True),
    Column("amount", Money, CheckConstraint("amount <> 0"), nullable=False),
)
settlements = Table(
    "settlements",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("account", String, ForeignKey("accounts.id"), nullable=False),
    Column("charged", Money, CheckConstraint("charged >= 0"), nullable=False),
    Column("refunded", Money, nullable=False),
    CheckConstraint("refunded >= 0 AND refunded <= charged", name="never_more_back_than_paid"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that moves from one account to another. An entry of nothing has no postings."""

    id: str
    kind: str
    order_id: OrderId
    source: str
    target: str
    amount: Decimal
    return_id: ReturnId | None = None

    @property
    def postings(self) -> list[dict[str, object]]:
        """What the entry changes on each account; the sum is zero."""
        both = [(self.source, -self.amount), (self.target, self.amount)]
        return [{"entry": self.id, "account": account, "amount": amount} for account, amount in both if amount]


def answer_of_issuer(order_id: OrderId, amount: Decimal) -> str | None:
    """Return why the card issuer declines, or nothing if it pays."""
    if amount > CARD_LIMIT:
        return "over the card's limit"
    if lot("card", order_id) % DECLINES_ONE_IN == 0:
        return "insufficient funds"
    return None


class SqlPayments(Payments, tables=metadata):
    """The ledger in a database of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def charge(self, order_id: OrderId, customer: CustomerId | None, amount: Decimal) -> None:
        """Charge an order to its customer's card."""
        payer = f"guest/{order_id}" if customer is None else f"customer/{customer}"
        reason = answer_of_issuer(order_id, amount)
        async with self.db.transaction() as tx:
            if await _settlement(tx, order_id) is not None:
                raise ChargeExists(order_id)
            if reason is not None:
                raise PaymentDeclined(order_id, reason)
            await _open_accounts(tx, {payer: payer.partition("/")[0], "sales": "sales"})
            await _book(tx, Entry(f"charge/{order_id}", "charge", order_id, payer, "sales", amount))
            row = {"order_id": order_id, "account": payer, "charged": amount, "refunded": NOTHING}
            await tx.execute(insert(settlements), row)

    async def refund(self, order_id: OrderId, customer: CustomerId | None, amount: Decimal) -> None:
        """Pay back what is left of an order's charge."""
        del customer, amount  # the ledger knows better who paid, and how much of it is left
        async with self.db.transaction() as tx:
            paid = await _settlement(tx, order_id)
            if paid is None or await _entry_amount(tx, f"refund/{order_id}") is not None:
                return
            left = paid.charged - paid.refunded
            await _book(tx, Entry(f"refund/{order_id}", "refund", order_id, "sales", paid.account, left))
            await _note_refund(tx, order_id, paid.charged)

    async def pay_back(self, return_id: ReturnId, refunds: tuple[Refund, ...]) -> Decimal:
        """Pay back money for goods that came back."""
        async with self.db.transaction() as tx:
            before = await _paid_back(tx, return_id)
            if before is not None:
                return before
            await _open_accounts(tx, {"returns": "returns"})
            for refund in refunds:
                paid = await _settlement(tx, refund.order_id)
                if paid is None or paid.refunded + refund.amount > paid.charged:
                    raise RefundTooLarge(refund.order_id)
                name = f"return/{return_id}/{refund.order_id}"
                entry = Entry(name, "return", refund.order_id, "returns", paid.account, refund.amount, return_id)
                await _book(tx, entry)
                await _note_refund(tx, refund.order_id, paid.refunded + refund.amount)
        return sum((refund.amount for refund in refunds), NOTHING)

    async def paid_back(self, return_id: ReturnId, refunds: tuple[Refund, ...]) -> Decimal | None:
        """Return what was paid back for a return, or nothing."""
        del refunds
        async with self.db.transaction() as tx:
            return await _paid_back(tx, return_id)

    async def balance(self, order_id: OrderId) -> Balance:
        """Return what an order was charged and paid back."""
        async with self.db.transaction() as tx:
            paid = await _settlement(tx, order_id)
        return Balance(NOTHING, NOTHING) if paid is None else Balance(paid.charged, paid.refunded)

    async def trial_balance(self) -> dict[str, Decimal]:
        """Return the balance of every kind of account."""
        total = func.sum(postings.c.amount, type_=Money)
        by_kind = select(accounts.c.kind, total.label("total")).join_from(accounts, postings).group_by(accounts.c.kind)
        async with self.db.transaction() as tx:
            return {row.kind: row.total for row in await tx.rows(by_kind)}


@dataclass(frozen=True, slots=True)
class Paid:
    """What the ledger knows of an order: who paid how much, and what went back."""

    account: str
    charged: Decimal
    refunded: Decimal


async def _settlement(tx: Transaction, order_id: OrderId) -> Paid | None:
    row = await tx.first(select(settlements).where(settlements.c.order_id == order_id))
    return None if row is None else Paid(row.account, row.charged, row.refunded)


async def _entry_amount(tx: Transaction, entry: str) -> Decimal | None:
    return await tx.scalar(select(entries.c.amount).where(entries.c.id == entry))


async def _paid_back(tx: Transaction, return_id: ReturnId) -> Decimal | None:
    rows = await tx.rows(select(entries.c.amount).where(entries.c.return_id == return_id))
    return sum((row.amount for row in rows), NOTHING) if rows else None


async def _open_accounts(tx: Transaction, kinds: dict[str, str]) -> None:
    known = {row.id for row in await tx.rows(select(accounts.c.id).where(accounts.c.id.in_(sorted(kinds))))}
    fresh = [{"id": account, "kind": kind} for account, kind in kinds.items() if account not in known]
    if fresh:
        await tx.execute(insert(accounts), fresh)


async def _book(tx: Transaction, entry: Entry) -> None:
    rows = entry.postings
    row = {"id": entry.id, "kind": entry.kind, "order_id": entry.order_id, "amount": entry.amount}
    await tx.execute(insert(entries), {**row, "return_id": entry.return_id})
    if rows:
        await tx.execute(insert(postings), rows)


async def _note_refund(tx: Transaction, order_id: OrderId, refunded: Decimal) -> None:
    await tx.execute(update(settlements).where(settlements.c.order_id == order_id).values(refunded=refunded))
