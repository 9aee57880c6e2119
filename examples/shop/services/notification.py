"""Notification: messages to customers. Nobody's order depends on one.

The mail servers are a stand-in with one rule: a message bounces for good whose lot (see `values.lot`) for "mail" is
divisible by BOUNCES_ONE_IN.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CheckConstraint, Column, MetaData, String, Table, insert, select

from examples.shop.values import CustomerId, lot
from weft import Declined, Service, idempotent, operation, read
from weft.data import Database

BOUNCES_ONE_IN = 30
GIVE_UP_AFTER = timedelta(seconds=15)
"""A message that cannot be sent within this time is not worth waiting for."""


class Unreachable(Declined):
    """The message cannot reach anybody: a guest left no address, or it bounced."""

    subject: str
    reason: str


class Notifications(Service, name="notification", exactly_once=True):
    """Messages that were sent, one for each subject: an order's or a return's id."""

    @operation(idempotent, raises=Unreachable, give_up_after=GIVE_UP_AFTER)
    async def tell(self, subject: str, customer: CustomerId | None, text: str) -> None:
        """Tell a customer something about a subject; the first message about it is the only one."""
        raise NotImplementedError

    @operation(read)
    async def told(self, subject: str) -> str | None:
        """Return what was said about a subject, or nothing."""
        raise NotImplementedError


metadata = MetaData()
messages = Table(
    "messages",
    metadata,
    Column("subject", String, primary_key=True),
    Column("address", String, CheckConstraint("address LIKE '%@%'"), nullable=False),
    Column("text", String, CheckConstraint("text <> ''"), nullable=False),
)


class SqlNotifications(Notifications, tables=metadata):
    """Messages in a database of their own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def tell(self, subject: str, customer: CustomerId | None, text: str) -> None:
        """Tell a customer something about a subject."""
        async with self.db.transaction() as tx:
            if customer is None:
                raise Unreachable(subject, "a guest left no address")
            if lot("mail", subject) % BOUNCES_ONE_IN == 0:
                raise Unreachable(subject, "bounced")
            if await tx.first(select(messages).where(messages.c.subject == subject)) is None:
                row = {"subject": subject, "address": f"{customer}@customers.example", "text": text}
                await tx.execute(insert(messages), row)

    async def told(self, subject: str) -> str | None:
        """Return what was said about a subject, or nothing."""
        async with self.db.transaction() as tx:
            return await tx.scalar(select(messages.c.text).where(messages.c.subject == subject))
