"""Catalog: what the shop sells, and the price it quoted for every line of every order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, String, Table, insert, select, update

from examples.shop.values import Line, OrderId, Sku
from weft import Declined, Service, idempotent, operation, read
from weft.data import Database, Money


class UnknownSku(Declined):
    """The catalog does not sell this SKU, or no longer does."""

    sku: Sku


class QuoteStands(Declined):
    """The order has a quote already, for other lines."""

    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Product:
    """A SKU and its description."""

    sku: Sku
    description: str


class Catalog(Service, name="catalog", exactly_once=True):
    """Products, and quotes by order and line."""

    @operation(idempotent)
    async def list_products(self, products: tuple[Product, ...]) -> None:
        """Sell these products from now on; of one that is listed already the description changes."""
        raise NotImplementedError

    @operation(idempotent)
    async def withdraw(self, sku: Sku) -> None:
        """Sell a product no longer; quotes that were given stand."""
        raise NotImplementedError

    @operation(idempotent, raises=(UnknownSku, QuoteStands))
    async def quote(self, order_id: OrderId, lines: tuple[Line, ...]) -> Decimal:
        """Promise the prices of the lines to an order, and return their sum. The same lines get the same quote."""
        raise NotImplementedError

    @operation(read)
    async def product(self, sku: Sku) -> Product | None:
        """Return a product on sale, or nothing."""
        raise NotImplementedError


metadata = MetaData()
listing = Table(
    "products",
    metadata,
    Column("sku", String, CheckConstraint("sku <> ''"), primary_key=True),
    Column("description", String, nullable=False),
    Column("state", String, CheckConstraint("state IN ('listed', 'withdrawn')"), nullable=False),
)
quotes = Table(
    "quotes",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("line", Integer, CheckConstraint("line >= 1"), primary_key=True),
    Column("sku", String, ForeignKey("products.sku"), nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
    # As it is written on the invoice: some unit prices are parts of a penny.
    Column("unit_price", String, CheckConstraint("CAST(unit_price AS NUMERIC) > 0"), nullable=False),
    Column("amount", Money, CheckConstraint("amount >= 0"), nullable=False),
)


class SqlCatalog(Catalog, tables=metadata):
    """The catalog in a database of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def list_products(self, products: tuple[Product, ...]) -> None:
        """Sell these products from now on."""
        async with self.db.transaction() as tx:
            skus = [product.sku for product in products]
            known = {row.sku for row in await tx.rows(select(listing.c.sku).where(listing.c.sku.in_(skus)))}
            rows = {p.sku: {"sku": p.sku, "description": p.description, "state": "listed"} for p in products}
            fresh = [row for sku, row in rows.items() if sku not in known]
            if fresh:
                await tx.execute(insert(listing), fresh)
            for sku in known:
                await tx.execute(update(listing).where(listing.c.sku == sku).values(rows[sku]))

    async def withdraw(self, sku: Sku) -> None:
        """Sell a product no longer."""
        async with self.db.transaction() as tx:
            await tx.execute(update(listing).where(listing.c.sku == sku).values(state="withdrawn"))

    async def quote(self, order_id: OrderId, lines: tuple[Line, ...]) -> Decimal:
        """Promise the prices of the lines to an order, and return their sum."""
        rows = [_row(order_id, number, line) for number, line in enumerate(lines, start=1)]
        async with self.db.transaction() as tx:
            given = await tx.rows(select(quotes).where(quotes.c.order_id == order_id).order_by(quotes.c.line))
            if given:
                if [tuple(row) for row in given] != [tuple(row.values()) for row in rows]:
                    raise QuoteStands(order_id)
            else:
                skus = sorted({line.sku for line in lines})
                on_sale = select(listing.c.sku).where(listing.c.sku.in_(skus), listing.c.state == "listed")
                missing = set(skus) - {row.sku for row in await tx.rows(on_sale)}
                if missing:
                    raise UnknownSku(min(missing))
                await tx.execute(insert(quotes), rows)
        return sum((line.amount for line in lines), Decimal("0.00"))

    async def product(self, sku: Sku) -> Product | None:
        """Return a product on sale, or nothing."""
        async with self.db.transaction() as tx:
            row = await tx.first(select(listing).where(listing.c.sku == sku, listing.c.state == "listed"))
        return None if row is None else Product(row.sku, row.description)


def _row(order_id: OrderId, number: int, line: Line) -> dict[str, object]:
    return {
        "order_id": order_id,
        "line": number,
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "amount": line.amount,
    }
