"""Orders: every order that was placed and where it stands in its life, and what came back of it.

    placed ⇄ confirmed ⇄ shipped
      ↓
    withdrawn → closed

An order moves along an arrow or not at all. Those to the left, and the one to `withdrawn`, are undos.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from examples.shop.matching import Decision, Purchase, decide, refuse_stranger
from examples.shop.values import Ending, Order, OrderId, ReturnId, ReturnRequest, Share, Sku
from weft import Declined, Service, compensated_by, idempotent, operation, read
from weft.data import Database, Instant, Money, Transaction


class OrderState(Enum):
    """Where an order stands."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


FORWARD = {
    OrderState.CONFIRMED: OrderState.PLACED,
    OrderState.SHIPPED: OrderState.CONFIRMED,
    OrderState.CLOSED: OrderState.WITHDRAWN,
}
"""The steps, by where they end: where each begins."""

BACK = {
    OrderState.CONFIRMED: OrderState.SHIPPED,
    OrderState.PLACED: OrderState.CONFIRMED,
    OrderState.WITHDRAWN: OrderState.PLACED,
}
"""The undos, by where they end: where each begins."""


class OrderExists(Declined):
    """An order of this id was placed."""

    order_id: OrderId


class IllegalTransition(Declined):
    """The order does not stand where this step begins; `state` is nothing where there is no such order."""

    order_id: OrderId
    state: OrderState | None
    wanted: OrderState


class ReturnExists(Declined):
    """A return of this id was decided."""

    return_id: ReturnId


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """Where an order stands, what it costs once it is confirmed, and how it ended once it is closed."""

    state: OrderState
    total: Decimal | None
    tracking: str | None
    ending: Ending | None


class Orders(Service, name="order", exactly_once=True):
    """The order book."""

    @operation(idempotent)
    async def withdraw(self, order: Order) -> None:
        """Take back an order that was placed; it stays in the book as withdrawn."""
        raise NotImplementedError

    @operation(compensated_by(withdraw), raises=OrderExists)
    async def place(self, order: Order) -> None:
        """Write an order into the book."""
        raise NotImplementedError

    @operation(idempotent)
    async def revoke(self, order_id: OrderId, total: Decimal) -> None:
        """Take back a confirmation: the order is as if it had just been placed."""
        raise NotImplementedError

    @operation(compensated_by(revoke), raises=IllegalTransition)
    async def confirm(self, order_id: OrderId, total: Decimal) -> None:
        """Confirm an order that is paid."""
        raise NotImplementedError

    @operation(idempotent)
    async def recall(self, order_id: OrderId, tracking: str) -> None:
        """Take back that an order is shipped: it is confirmed."""
        raise NotImplementedError

    @operation(compensated_by(recall), raises=IllegalTransition)
    async def dispatch(self, order_id: OrderId, tracking: str) -> None:
        """Note that a confirmed order is shipped."""
        raise NotImplementedError

    @operation(idempotent, raises=IllegalTransition)
    async def close(self, order_id: OrderId, ending: Ending) -> None:
        """Close an order that was withdrawn, and say how it ended."""
        raise NotImplementedError

    @operation(read)
    async def status(self, order_id: OrderId) -> OrderStatus | None:
        """Return where an order stands, or nothing where there is none."""
        raise NotImplementedError

    @operation(idempotent)
    async def drop_return(self, request: ReturnRequest) -> None:
        """Forget the decision on a return: what it was matched with may come back another time."""
        raise NotImplementedError

    @operation(compensated_by(drop_return), raises=ReturnExists)
    async def decide_return(self, request: ReturnRequest) -> Decision:
        """Match a return with its customer's earlier orders, and decide about every part of it."""
        raise NotImplementedError


metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String, index=True),
    Column("country", String, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("position", Integer, unique=True, nullable=False),
    Column("on_hold", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("total", Money, CheckConstraint("total >= 0")),
    Column("tracking", String),
    Column("ending", String),
    CheckConstraint("state IN ('placed', 'confirmed', 'shipped', 'withdrawn', 'closed')", name="a_state"),
    CheckConstraint("(state IN ('confirmed', 'shipped')) = (total IS NOT NULL)", name="confirmed_has_a_total"),
    CheckConstraint("(state = 'shipped') = (tracking IS NOT NULL)", name="shipped_has_tracking"),
    CheckConstraint("(state = 'closed') = (ending IS NOT NULL)", name="closed_has_an_ending"),
)
order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", String, ForeignKey("orders.id"), primary_key=True),
    Column("number", Integer, CheckConstraint("number >= 1"), primary_key=True),
    Column("sku", String, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
    Column("unit_price", String, CheckConstraint("CAST(unit_price AS NUMERIC) > 0"), nullable=False),
    Column("matched", Integer, nullable=False),
    CheckConstraint("matched >= 0 AND matched <= quantity", name="nothing_comes_back_twice"),
)
returns = Table(
    "returns",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String),
    Column("asked_at", Instant, nullable=False),
    Column("match", String, CheckConstraint("match IN ('whole', 'part', 'none', 'no customer')"), nullable=False),
    Column("state", String, CheckConstraint("state IN ('decided', 'dropped')"), nullable=False),
)
return_shares = Table(
    "return_shares",
    metadata,
    Column("return_id", String, ForeignKey("returns.id"), primary_key=True),
    Column("number", Integer, CheckConstraint("number >= 1"), primary_key=True),
    Column("sku", String, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
    Column("verdict", String, nullable=False),
    Column("order_id", String),
    Column("line", Integer, nullable=False),
    Column("refund", Money, CheckConstraint("refund >= 0"), nullable=False),
)


class SqlOrders(Orders, tables=metadata):
    """The order book in a database of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def place(self, order: Order) -> None:
        """Write an order into the book."""
        async with self.db.transaction() as tx:
            if await _state(tx, order.id) is not None:
                raise OrderExists(order.id)
            await tx.execute(insert(orders), _order_row(order))
            await tx.execute(insert(order_lines), _line_rows(order))

    async def withdraw(self, order: Order) -> None:
        """Take back an order that was placed."""
        async with self.db.transaction() as tx:
            await _move_back(tx, order.id, OrderState.WITHDRAWN)

    async def confirm(self, order_id: OrderId, total: Decimal) -> None:
        """Confirm an order that is paid."""
        async with self.db.transaction() as tx:
            await _move(tx, order_id, OrderState.CONFIRMED, total=total)

    async def revoke(self, order_id: OrderId, total: Decimal) -> None:
        """Take back a confirmation."""
        del total
        async with self.db.transaction() as tx:
            await _move_back(tx, order_id, OrderState.PLACED, total=None)

    async def dispatch(self, order_id: OrderId, tracking: str) -> None:
        """Note that a confirmed order is shipped."""
        async with self.db.transaction() as tx:
            await _move(tx, order_id, OrderState.SHIPPED, tracking=tracking)

    async def recall(self, order_id: OrderId, tracking: str) -> None:
        """Take back that an order is shipped."""
        del tracking
        async with self.db.transaction() as tx:
            await _move_back(tx, order_id, OrderState.CONFIRMED, tracking=None)

    async def close(self, order_id: OrderId, ending: Ending) -> None:
        """Close an order that was withdrawn; closing it again with the same ending changes nothing."""
        async with self.db.transaction() as tx:
            status = await _status(tx, order_id)
            if status is None or status.ending is not ending:
                await _move(tx, order_id, OrderState.CLOSED, ending=ending.value)

    async def status(self, order_id: OrderId) -> OrderStatus | None:
        """Return where an order stands."""
        async with self.db.transaction() as tx:
            return await _status(tx, order_id)

    async def decide_return(self, request: ReturnRequest) -> Decision:
        """Match a return with its customer's earlier orders, and decide about every part of it."""
        async with self.db.transaction() as tx:
            if await tx.first(select(returns).where(returns.c.id == request.id)) is not None:
                raise ReturnExists(request.id)
            if request.customer is None:
                decision = refuse_stranger(request.items)
            else:
                decision = decide(request.items, await _purchases(tx, request))
            await tx.execute(insert(returns), _return_row(request, decision))
            rows = [_share_row(request.id, number, share) for number, share in enumerate(decision.shares, start=1)]
            await tx.execute(insert(return_shares), rows)
            await _note_matched(tx, rows, sign=1)
        return decision

    async def drop_return(self, request: ReturnRequest) -> None:
        """Forget the decision on a return."""
        decided = update(returns).where(returns.c.id == request.id)
        async with self.db.transaction() as tx:
            row = await tx.first(select(returns).where(returns.c.id == request.id))
            if row is not None and row.state == "decided":
                shares = await tx.rows(select(return_shares).where(return_shares.c.return_id == request.id))
                await _note_matched(
                    tx, [{"order_id": s.order_id, "line": s.line, "quantity": s.quantity} for s in shares], sign=-1
                )
                await tx.execute(decided.values(state="dropped"))


async def _state(tx: Transaction, order_id: OrderId) -> OrderState | None:
    found = await tx.scalar(select(orders.c.state).where(orders.c.id == order_id))
    return None if found is None else OrderState(found)


async def _status(tx: Transaction, order_id: OrderId) -> OrderStatus | None:
    row = await tx.first(select(orders).where(orders.c.id == order_id))
    if row is None:
        return None
    ending = None if row.ending is None else Ending(row.ending)
    return OrderStatus(OrderState(row.state), row.total, row.tracking, ending)


async def _move(tx: Transaction, order_id: OrderId, target: OrderState, **values: object) -> None:
    """Take a step, or refuse."""
    there = update(orders).where(orders.c.id == order_id, orders.c.state == FORWARD[target].value)
    moved = await tx.execute(there.values(state=target.value, **values))
    if moved.rowcount == 0:
        raise IllegalTransition(order_id, await _state(tx, order_id), target)


async def _move_back(tx: Transaction, order_id: OrderId, target: OrderState, **values: object) -> None:
    """Undo a step if the order stands where the undo begins: an undo never refuses."""
    there = update(orders).where(orders.c.id == order_id, orders.c.state == BACK[target].value)
    await tx.execute(there.values(state=target.value, **values))


async def _purchases(tx: Transaction, request: ReturnRequest) -> list[Purchase]:
    rows = await tx.rows(_purchases_of(request))
    return [
        Purchase(
            order_id=row.order_id,
            line=row.number,
            sku=Sku(row.sku),
            left=row.quantity - row.matched,
            unit_price=Decimal(row.unit_price),
            position=row.position,
            ending=Ending.SHIPPED if row.state == "shipped" else Ending(row.ending) if row.ending else None,
        )
        for row in rows
    ]


def _purchases_of(request: ReturnRequest) -> Select[*tuple[object, ...]]:
    """Return the query for the lines that a return may be matched with.

    A return that cancels an order is matched with that order only. Others are matched with what the customer ordered
    earlier, but for orders that were kept back for their customer's decision and never shipped.
    """
    columns = (orders.c.position, orders.c.state, orders.c.ending, *order_lines.c)
    skus = sorted({item.sku for item in request.items})
    lines = select(*columns).join_from(orders, order_lines)
    lines = lines.where(orders.c.customer == request.customer, order_lines.c.sku.in_(skus))
    if request.cancels is not None:
        return lines.where(orders.c.id == request.cancels)
    decided = ~orders.c.on_hold | (orders.c.state == "shipped")
    return lines.where(orders.c.position < request.position, decided)


async def _note_matched(tx: Transaction, shares: list[dict[str, object]], *, sign: int) -> None:
    rows = [{"of": s["order_id"], "at": s["line"], "units": s["quantity"]} for s in shares if s["order_id"]]
    line = (order_lines.c.order_id == bindparam("of"), order_lines.c.number == bindparam("at"))
    units = sign * bindparam("units", type_=Integer)
    if rows:
        await tx.execute(update(order_lines).where(*line).values(matched=order_lines.c.matched + units), rows)


def _order_row(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "customer": order.customer,
        "country": order.country,
        "placed_at": order.placed_at,
        "position": order.position,
        "on_hold": bool(order.hold),
        "state": OrderState.PLACED.value,
    }


def _line_rows(order: Order) -> list[dict[str, object]]:
    return [
        {
            "order_id": order.id,
            "number": number,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": str(line.unit_price),
            "matched": 0,
        }
        for number, line in enumerate(order.lines, start=1)
    ]


def _return_row(request: ReturnRequest, decision: Decision) -> dict[str, object]:
    return {
        "id": request.id,
        "customer": request.customer,
        "asked_at": request.asked_at,
        "match": decision.match.value,
        "state": "decided",
    }


def _share_row(return_id: ReturnId, number: int, share: Share) -> dict[str, object]:
    return {
        "return_id": return_id,
        "number": number,
        "sku": share.item.sku,
        "quantity": share.item.quantity,
        "verdict": share.verdict.value,
        "order_id": share.order_id,
        "line": share.line,
        "refund": share.refund,
    }
