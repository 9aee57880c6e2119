"""Inventory: what is on the shelf, what is held for orders, what has left. No unit is lost between the three."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Update,
    bindparam,
    insert,
    select,
    update,
)

from examples.shop.values import Item, OrderId, ReturnId, Sku
from weft import Declined, Service, compensated_by, idempotent, operation, read
from weft.data import Database, Transaction


class OutOfStock(Declined):
    """Fewer units are available than the order wants."""

    sku: Sku
    available: int


class HoldExists(Declined):
    """Goods are, or were, held for this order already."""

    order_id: OrderId


class NothingHeld(Declined):
    """Nothing is held for this order that could be shipped."""

    order_id: OrderId


class Inventory(Service, name="inventory", exactly_once=True):
    """Stock by SKU, and holds by order."""

    @operation(idempotent)
    async def release(self, order_id: OrderId, items: tuple[Item, ...]) -> None:
        """Put what is held for an order back on the shelf; harmless if nothing is."""
        raise NotImplementedError

    @operation(compensated_by(release), raises=(OutOfStock, HoldExists))
    async def reserve(self, order_id: OrderId, items: tuple[Item, ...]) -> None:
        """Hold all the items for an order, or none. A SKU may be in several items."""
        raise NotImplementedError

    @operation(idempotent)
    async def unship(self, order_id: OrderId) -> None:
        """Hold again what left the shelf for an order."""
        raise NotImplementedError

    @operation(compensated_by(unship), raises=NothingHeld)
    async def ship(self, order_id: OrderId) -> None:
        """Let what is held for an order leave the shelf."""
        raise NotImplementedError

    @operation(idempotent)
    async def send_back(self, delivery_id: str, items: tuple[Item, ...]) -> None:
        """Take the available units of a delivery off the shelf again."""
        raise NotImplementedError

    @operation(compensated_by(send_back))
    async def deliver(self, delivery_id: str, items: tuple[Item, ...]) -> None:
        """Put new goods on the shelf; the first delivery of a SKU opens its place. Twice the same is once."""
        raise NotImplementedError

    @operation(idempotent)
    async def give_out(self, return_id: ReturnId, items: tuple[Item, ...]) -> None:
        """Hand goods that were taken back to the customer again."""
        raise NotImplementedError

    @operation(compensated_by(give_out))
    async def take_back(self, return_id: ReturnId, items: tuple[Item, ...]) -> None:
        """Put goods that come back from a customer on the shelf. Twice the same is once."""
        raise NotImplementedError

    @operation(read)
    async def available(self, skus: tuple[Sku, ...]) -> dict[Sku, int]:
        """Return how many units of each SKU can be sold; zero of one that the shop does not know."""
        raise NotImplementedError


metadata = MetaData()
stock = Table(
    "stock",
    metadata,
    Column("sku", String, primary_key=True),
    Column("delivered", Integer, CheckConstraint("delivered >= 0"), nullable=False),
    Column("available", Integer, CheckConstraint("available >= 0"), nullable=False),
    Column("held", Integer, CheckConstraint("held >= 0"), nullable=False),
    Column("shipped", Integer, CheckConstraint("shipped >= 0"), nullable=False),
    Column("returned", Integer, CheckConstraint("returned >= 0"), nullable=False),
    CheckConstraint("delivered + returned = available + held + shipped", name="no_unit_is_lost"),
)
holds = Table(
    "holds",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("state", String, CheckConstraint("state IN ('held', 'released', 'shipped')"), nullable=False),
)
held_items = Table(
    "held_items",
    metadata,
    Column("order_id", String, ForeignKey("holds.order_id"), primary_key=True),
    Column("sku", String, ForeignKey("stock.sku"), primary_key=True),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
)
receipts = Table(
    "receipts",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, CheckConstraint("kind IN ('delivery', 'return')"), primary_key=True),
    Column("state", String, CheckConstraint("state IN ('received', 'sent back')"), nullable=False),
)

PLACES = {"held": "held", "released": "available", "shipped": "shipped"}
"""Where the units of a hold are, by its state."""


class SqlInventory(Inventory, tables=metadata):
    """The inventory in a database of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def reserve(self, order_id: OrderId, items: tuple[Item, ...]) -> None:
        """Hold all the items for an order, or none."""
        wanted = _by_sku(items)
        async with self.db.transaction() as tx:
            if await tx.scalar(select(holds.c.state).where(holds.c.order_id == order_id)) is not None:
                raise HoldExists(order_id)
            on_shelf = await _available(tx, wanted)
            for sku, quantity in wanted.items():
                if on_shelf.get(sku, 0) < quantity:
                    raise OutOfStock(sku, on_shelf.get(sku, 0))
            await tx.execute(insert(holds), {"order_id": order_id, "state": "held"})
            rows = [{"order_id": order_id, "sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
            await tx.execute(insert(held_items), rows)
            await tx.execute(_move("available", "held"), _counts(wanted))

    async def release(self, order_id: OrderId, items: tuple[Item, ...]) -> None:
        """Put what is held for an order back on the shelf."""
        del items  # the hold knows better what it holds
        async with self.db.transaction() as tx:
            await _change_hold(tx, order_id, before="held", after="released")

    async def ship(self, order_id: OrderId) -> None:
        """Let what is held for an order leave the shelf."""
        async with self.db.transaction() as tx:
            if not await _change_hold(tx, order_id, before="held", after="shipped"):
                raise NothingHeld(order_id)

    async def unship(self, order_id: OrderId) -> None:
        """Hold again what left the shelf for an order."""
        async with self.db.transaction() as tx:
            await _change_hold(tx, order_id, before="shipped", after="held")

    async def deliver(self, delivery_id: str, items: tuple[Item, ...]) -> None:
        """Put new goods on the shelf."""
        arrived = _by_sku(items)
        async with self.db.transaction() as tx:
            if await _receive(tx, delivery_id, "delivery"):
                await _open_places(tx, arrived)
                await tx.execute(_add("delivered", 1), _counts(arrived))

    async def send_back(self, delivery_id: str, items: tuple[Item, ...]) -> None:
        """Take the available units of a delivery off the shelf again."""
        async with self.db.transaction() as tx:
            if await _send_back(tx, delivery_id, "delivery"):
                await _take_off(tx, "delivered", _by_sku(items))

    async def take_back(self, return_id: ReturnId, items: tuple[Item, ...]) -> None:
        """Put goods that come back from a customer on the shelf."""
        arrived = _by_sku(items)
        async with self.db.transaction() as tx:
            if await _receive(tx, return_id, "return"):
                await _open_places(tx, arrived)
                await tx.execute(_add("returned", 1), _counts(arrived))

    async def give_out(self, return_id: ReturnId, items: tuple[Item, ...]) -> None:
        """Hand goods that were taken back to the customer again."""
        async with self.db.transaction() as tx:
            if await _send_back(tx, return_id, "return"):
                await _take_off(tx, "returned", _by_sku(items))

    async def available(self, skus: tuple[Sku, ...]) -> dict[Sku, int]:
        """Return how many units of each SKU can be sold."""
        async with self.db.transaction() as tx:
            on_shelf = await _available(tx, dict.fromkeys(skus, 0))
        return {sku: on_shelf.get(sku, 0) for sku in skus}


def _by_sku(items: tuple[Item, ...]) -> dict[Sku, int]:
    total: dict[Sku, int] = {}
    for item in items:
        total[item.sku] = total.get(item.sku, 0) + item.quantity
    return total


def _counts(total: dict[Sku, int]) -> list[dict[str, object]]:
    return [{"of_sku": sku, "units": units} for sku, units in total.items()]


def _move(source: str, target: str) -> Update:
    """Return the statement that moves `units` of `of_sku` from one column to the other."""
    units = bindparam("units", type_=Integer)
    values = {source: stock.c[source] - units, target: stock.c[target] + units}
    return update(stock).where(stock.c.sku == bindparam("of_sku")).values(values)


def _add(column: str, sign: int) -> Update:
    """Return the statement that puts `units` of `of_sku` on the shelf, or takes them away, and says why."""
    units = sign * bindparam("units", type_=Integer)
    values = {column: stock.c[column] + units, "available": stock.c.available + units}
    return update(stock).where(stock.c.sku == bindparam("of_sku")).values(values)


async def _available(tx: Transaction, skus: dict[Sku, int]) -> dict[Sku, int]:
    rows = await tx.rows(select(stock.c.sku, stock.c.available).where(stock.c.sku.in_(list(skus))))
    return {Sku(row.sku): row.available for row in rows}


async def _change_hold(tx: Transaction, order_id: OrderId, *, before: str, after: str) -> bool:
    """Change the state of a hold and move its items, if it is in the state to change from; tell whether it was."""
    changed = update(holds).where(holds.c.order_id == order_id, holds.c.state == before).values(state=after)
    if (await tx.execute(changed)).rowcount == 0:
        return False
    rows = await tx.rows(select(held_items).where(held_items.c.order_id == order_id))
    move = _move(PLACES[before], PLACES[after])
    await tx.execute(move, [{"of_sku": row.sku, "units": row.quantity} for row in rows])
    return True


async def _take_off(tx: Transaction, column: str, total: dict[Sku, int]) -> None:
    """Take units off the shelf again; what was sold meanwhile stays sold."""
    on_shelf = await _available(tx, total)
    left = {sku: min(units, on_shelf[sku]) for sku, units in total.items()}
    await tx.execute(_add(column, -1), _counts(left))


async def _open_places(tx: Transaction, skus: dict[Sku, int]) -> None:
    known = await _available(tx, skus)
    empty = {"delivered": 0, "available": 0, "held": 0, "shipped": 0, "returned": 0}
    fresh = [{"sku": sku, **empty} for sku in skus if sku not in known]
    if fresh:
        await tx.execute(insert(stock), fresh)


async def _receive(tx: Transaction, receipt: str, kind: str) -> bool:
    """Note a receipt; tell whether it is a new one."""
    same = (receipts.c.id == receipt, receipts.c.kind == kind)
    if await tx.scalar(select(receipts.c.state).where(*same)) is not None:
        return False
    await tx.execute(insert(receipts), {"id": receipt, "kind": kind, "state": "received"})
    return True


async def _send_back(tx: Transaction, receipt: str, kind: str) -> bool:
    """Note that a receipt was sent back; tell whether it was here."""
    same = (receipts.c.id == receipt, receipts.c.kind == kind)
    if await tx.scalar(select(receipts.c.state).where(*same)) != "received":
        return False
    await tx.execute(update(receipts).where(*same).values(state="sent back"))
    return True
