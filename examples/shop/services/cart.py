"""Carts: what a buyer means to buy, until it is checked out as an order, whose id it has from the beginning."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Delete,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from examples.shop.services.catalog import Catalog, QuoteStands, UnknownSku
from examples.shop.services.user import AccountClosed, Users
from examples.shop.values import Line, Order, OrderId, Sku
from weft import Declined, Service, compensated_by, idempotent, operation, read
from weft.data import Database


class CartClosed(Declined):
    """The cart was checked out."""

    order_id: OrderId


class CartDiffers(Declined):
    """The cart holds other lines than the order that it should become."""

    order_id: OrderId


class Carts(Service, name="cart", exactly_once=True):
    """Carts and their lines."""

    @operation(idempotent, raises=CartClosed)
    async def put(self, order_id: OrderId, number: int, line: Line) -> None:
        """Set line number `number` (from 1) of a cart; the first line opens the cart."""
        raise NotImplementedError

    @operation(idempotent, raises=CartClosed)
    async def take_out(self, order_id: OrderId, number: int) -> None:
        """Take a line out of a cart; harmless if it is not there."""
        raise NotImplementedError

    @operation(read)
    async def contents(self, order_id: OrderId) -> tuple[Line, ...]:
        """Return the lines of a cart in their order."""
        raise NotImplementedError

    @operation(idempotent)
    async def reopen(self, order: Order) -> None:
        """Give the cart back to its buyer, as it was."""
        raise NotImplementedError

    @operation(compensated_by(reopen), raises=(CartClosed, CartDiffers, AccountClosed, UnknownSku, QuoteStands))
    async def check_out(self, order: Order) -> Decimal:
        """Close the cart for its order and return what it costs.

        The buyer is admitted and the catalog quotes the prices. An order that comes from elsewhere brings its cart
        along: one that nobody opened is filled with the order's lines.
        """
        raise NotImplementedError


metadata = MetaData()
carts = Table(
    "carts",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("state", String, CheckConstraint("state IN ('open', 'checked out')"), nullable=False),
)
cart_lines = Table(
    "cart_lines",
    metadata,
    Column("order_id", String, ForeignKey("carts.order_id"), primary_key=True),
    Column("number", Integer, CheckConstraint("number >= 1"), primary_key=True),
    Column("sku", String, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
    Column("unit_price", String, CheckConstraint("CAST(unit_price AS NUMERIC) > 0"), nullable=False),
)


class SqlCarts(Carts, tables=metadata):
    """Carts in a database of their own; asks users and catalog before it writes."""

    def __init__(self, db: Database, users: Users, catalog: Catalog) -> None:
        self.db = db
        self.users = users
        self.catalog = catalog

    async def put(self, order_id: OrderId, number: int, line: Line) -> None:
        """Set a line of a cart."""
        async with self.db.transaction() as tx:
            state = await tx.scalar(select(carts.c.state).where(carts.c.order_id == order_id))
            if state == "checked out":
                raise CartClosed(order_id)
            if state is None:
                await tx.execute(insert(carts), {"order_id": order_id, "state": "open"})
            await tx.execute(_one_line(order_id, number))
            await tx.execute(insert(cart_lines), _row(order_id, number, line))

    async def take_out(self, order_id: OrderId, number: int) -> None:
        """Take a line out of a cart."""
        async with self.db.transaction() as tx:
            if await tx.scalar(select(carts.c.state).where(carts.c.order_id == order_id)) == "checked out":
                raise CartClosed(order_id)
            await tx.execute(_one_line(order_id, number))

    async def contents(self, order_id: OrderId) -> tuple[Line, ...]:
        """Return the lines of a cart in their order."""
        found = select(cart_lines).where(cart_lines.c.order_id == order_id).order_by(cart_lines.c.number)
        async with self.db.transaction() as tx:
            rows = await tx.rows(found)
        return tuple(Line(Sku(row.sku), row.quantity, Decimal(row.unit_price)) for row in rows)

    async def check_out(self, order: Order) -> Decimal:
        """Close the cart for its order and return what it costs."""
        await self.users.admit(order.id, order.customer, order.country)
        total = await self.catalog.quote(order.id, order.lines)
        wanted = [_row(order.id, number, line) for number, line in enumerate(order.lines, start=1)]
        async with self.db.transaction() as tx:
            state = await tx.scalar(select(carts.c.state).where(carts.c.order_id == order.id))
            if state == "checked out":
                raise CartClosed(order.id)
            if state is None:
                await tx.execute(insert(carts), {"order_id": order.id, "state": "checked out"})
                await tx.execute(insert(cart_lines), wanted)
                return total
            held = select(cart_lines).where(cart_lines.c.order_id == order.id).order_by(cart_lines.c.number)
            lines = [(row.sku, row.quantity, Decimal(row.unit_price)) for row in await tx.rows(held)]
            if lines != [(line.sku, line.quantity, line.unit_price) for line in order.lines]:
                raise CartDiffers(order.id)
            await tx.execute(update(carts).where(carts.c.order_id == order.id).values(state="checked out"))
        return total

    async def reopen(self, order: Order) -> None:
        """Give the cart back to its buyer."""
        async with self.db.transaction() as tx:
            await tx.execute(update(carts).where(carts.c.order_id == order.id).values(state="open"))


def _one_line(order_id: OrderId, number: int) -> Delete:
    return delete(cart_lines).where(cart_lines.c.order_id == order_id, cart_lines.c.number == number)


def _row(order_id: OrderId, number: int, line: Line) -> dict[str, object]:
    return {
        "order_id": order_id,
        "number": number,
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
    }
