"""Users: who may buy. Accounts are opened by the first order; guests are known by their order only."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, MetaData, String, Table, insert, select, update

from examples.shop.values import CustomerId, OrderId
from weft import Declined, Service, idempotent, operation, read
from weft.data import Database


class AccountClosed(Declined):
    """The customer's account is closed: it buys nothing any more."""

    customer: CustomerId


class Users(Service, name="user", exactly_once=True):
    """Accounts of customers, and guests."""

    @operation(idempotent, raises=AccountClosed)
    async def admit(self, order_id: OrderId, customer: CustomerId | None, country: str) -> None:
        """Let a buyer in: open the account of a new customer, note a guest under the order's id."""
        raise NotImplementedError

    @operation(idempotent)
    async def close_account(self, customer: CustomerId) -> None:
        """Close an account; it stays closed, also for a customer who never bought."""
        raise NotImplementedError

    @operation(read)
    async def is_open(self, customer: CustomerId) -> bool:
        """Tell whether the customer has an account that is open."""
        raise NotImplementedError


metadata = MetaData()
accounts = Table(
    "accounts",
    metadata,
    Column("customer", String, CheckConstraint("customer <> ''"), primary_key=True),
    Column("country", String, nullable=False),
    Column("state", String, CheckConstraint("state IN ('open', 'closed')"), nullable=False),
)
guests = Table(
    "guests",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("country", String, nullable=False),
)


class SqlUsers(Users, tables=metadata):
    """Users in a database of their own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def admit(self, order_id: OrderId, customer: CustomerId | None, country: str) -> None:
        """Let a buyer in. A customer who ordered from two countries keeps the first."""
        async with self.db.transaction() as tx:
            if customer is None:
                if await tx.first(select(guests).where(guests.c.order_id == order_id)) is None:
                    await tx.execute(insert(guests), {"order_id": order_id, "country": country})
                return
            state = await tx.scalar(select(accounts.c.state).where(accounts.c.customer == customer))
            if state == "closed":
                raise AccountClosed(customer)
            if state is None:
                await tx.execute(insert(accounts), {"customer": customer, "country": country, "state": "open"})

    async def close_account(self, customer: CustomerId) -> None:
        """Close an account."""
        async with self.db.transaction() as tx:
            state = await tx.scalar(select(accounts.c.state).where(accounts.c.customer == customer))
            if state is None:
                await tx.execute(insert(accounts), {"customer": customer, "country": "", "state": "closed"})
            else:
                await tx.execute(update(accounts).where(accounts.c.customer == customer).values(state="closed"))

    async def is_open(self, customer: CustomerId) -> bool:
        """Tell whether the customer has an account that is open."""
        async with self.db.transaction() as tx:
            return await tx.scalar(select(accounts.c.state).where(accounts.c.customer == customer)) == "open"
