"""Shipping: parcels, from booking to the moment they are handed to the carrier, which nobody can take back.

The carriers are stand-ins with two rules: nobody serves the countries in NOT_SERVED, and a carrier turns away, at its
door and for good, the parcel of an order whose lot (see `values.lot`) for "parcel" is divisible by TURNS_AWAY_ONE_IN.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, MetaData, String, Table, insert, select, update

from examples.shop.values import OrderId, lot
from weft import Declined, Service, compensated_by, idempotent, irreversible, operation, read
from weft.data import Database

NOT_SERVED = frozenset({"", "Unspecified"})
TURNS_AWAY_ONE_IN = 50


class Undeliverable(Declined):
    """No carrier takes this parcel, now or later."""

    order_id: OrderId
    reason: str


class ParcelExists(Declined):
    """A parcel is booked for this order."""

    order_id: OrderId


class NoParcel(Declined):
    """No parcel is booked for this order."""

    order_id: OrderId


class Shipping(Service, name="shipping", exactly_once=True):
    """Parcels by order."""

    @operation(idempotent)
    async def cancel(self, order_id: OrderId, country: str) -> None:
        """Cancel a parcel that is booked; harmless if none is."""
        raise NotImplementedError

    @operation(compensated_by(cancel), raises=(Undeliverable, ParcelExists))
    async def book(self, order_id: OrderId, country: str) -> str:
        """Book a parcel and return its tracking number."""
        raise NotImplementedError

    @operation(read)
    async def handed_over(self, order_id: OrderId) -> str | None:
        """Return the tracking number of a parcel that the carrier has, or nothing."""
        raise NotImplementedError

    @operation(irreversible(asks="handed_over"), raises=(Undeliverable, NoParcel))
    async def hand_over(self, order_id: OrderId) -> str:
        """Hand the parcel to the carrier and return its tracking number: from now on it is on its way."""
        raise NotImplementedError

    @operation(read)
    async def track(self, order_id: OrderId) -> str:
        """Return where a parcel is: `none`, `booked`, `cancelled` or `handed over`."""
        raise NotImplementedError


metadata = MetaData()
parcels = Table(
    "parcels",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("tracking", String, unique=True, nullable=False),
    Column("country", String, CheckConstraint("country <> ''"), nullable=False),
    Column("state", String, CheckConstraint("state IN ('booked', 'cancelled', 'handed over')"), nullable=False),
)


def turned_away(order_id: OrderId) -> bool:
    """Tell whether the carrier turns the order's parcel away at its door."""
    return lot("parcel", order_id) % TURNS_AWAY_ONE_IN == 0


class SqlShipping(Shipping, tables=metadata):
    """Parcels in a database of their own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def book(self, order_id: OrderId, country: str) -> str:
        """Book a parcel and return its tracking number. An order whose parcel was cancelled may book again."""
        tracking = f"WEFT-{lot('tracking', order_id):010d}-{order_id}"
        async with self.db.transaction() as tx:
            state = await tx.scalar(select(parcels.c.state).where(parcels.c.order_id == order_id))
            if state in {"booked", "handed over"}:
                raise ParcelExists(order_id)
            if country in NOT_SERVED:
                raise Undeliverable(order_id, f"no carrier serves {country!r}")
            if state is None:
                row = {"order_id": order_id, "tracking": tracking, "country": country, "state": "booked"}
                await tx.execute(insert(parcels), row)
            else:
                again = update(parcels).where(parcels.c.order_id == order_id)
                await tx.execute(again.values(state="booked", country=country))
        return tracking

    async def cancel(self, order_id: OrderId, country: str) -> None:
        """Cancel a parcel that is booked."""
        del country
        async with self.db.transaction() as tx:
            booked = update(parcels).where(parcels.c.order_id == order_id, parcels.c.state == "booked")
            await tx.execute(booked.values(state="cancelled"))

    async def hand_over(self, order_id: OrderId) -> str:
        """Hand the parcel to the carrier and return its tracking number."""
        async with self.db.transaction() as tx:
            parcel = await tx.first(select(parcels).where(parcels.c.order_id == order_id))
            if parcel is None or parcel.state == "cancelled":
                raise NoParcel(order_id)
            if turned_away(order_id):
                raise Undeliverable(order_id, "turned away at the carrier's door")
            if parcel.state == "booked":
                await tx.execute(update(parcels).where(parcels.c.order_id == order_id).values(state="handed over"))
        return parcel.tracking

    async def handed_over(self, order_id: OrderId) -> str | None:
        """Return the tracking number of a parcel that the carrier has, or nothing."""
        there = select(parcels.c.tracking).where(parcels.c.order_id == order_id, parcels.c.state == "handed over")
        async with self.db.transaction() as tx:
            return await tx.scalar(there)

    async def track(self, order_id: OrderId) -> str:
        """Return where a parcel is."""
        async with self.db.transaction() as tx:
            return await tx.scalar(select(parcels.c.state).where(parcels.c.order_id == order_id)) or "none"
