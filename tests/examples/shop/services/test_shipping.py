"""Shipping: a parcel is booked, cancelled or handed over, and handed over for good."""

from __future__ import annotations

import pytest

from examples.shop.services.shipping import (
    TURNS_AWAY_ONE_IN,
    NoParcel,
    ParcelExists,
    SqlShipping,
    Undeliverable,
)
from examples.shop.values import OrderId
from tests.examples.shop.orders import common_name, name_with_lot

ORDER = OrderId(common_name())


async def test_parcel_goes_from_booked_to_handed_over(parcels: SqlShipping) -> None:
    """The tracking number is the same all the way."""
    assert await parcels.track(ORDER) == "none"
    tracking = await parcels.book(ORDER, "France")
    assert (await parcels.track(ORDER), await parcels.handed_over(ORDER)) == ("booked", None)

    handed = [await parcels.hand_over(ORDER) for _ in range(2)]

    assert handed == [tracking] * 2
    assert (await parcels.track(ORDER), await parcels.handed_over(ORDER)) == ("handed over", tracking)


async def test_country_that_nobody_serves_is_refused(parcels: SqlShipping) -> None:
    """A parcel without a carrier is not booked."""
    with pytest.raises(Undeliverable):
        await parcels.book(ORDER, "Unspecified")

    assert await parcels.track(ORDER) == "none"


async def test_carrier_turns_a_parcel_away_for_good(parcels: SqlShipping) -> None:
    """An order that draws the carrier's lot is turned away each time, and can still be cancelled."""
    unlucky = OrderId(name_with_lot("parcel", one_in=TURNS_AWAY_ONE_IN))
    await parcels.book(unlucky, "France")

    for _ in range(2):
        with pytest.raises(Undeliverable):
            await parcels.hand_over(unlucky)
    await parcels.cancel(unlucky, "France")

    assert await parcels.track(unlucky) == "cancelled"


async def test_cancelled_parcel_is_not_handed_over(parcels: SqlShipping) -> None:
    """Nobody hands over what is cancelled or was never booked; it may be booked again."""
    with pytest.raises(NoParcel):
        await parcels.hand_over(ORDER)
    await parcels.book(ORDER, "France")
    await parcels.cancel(ORDER, "France")
    await parcels.cancel(ORDER, "France")
    with pytest.raises(NoParcel):
        await parcels.hand_over(ORDER)

    await parcels.book(ORDER, "France")

    assert await parcels.track(ORDER) == "booked"


async def test_order_has_one_parcel(parcels: SqlShipping) -> None:
    """A second parcel for an order is refused."""
    await parcels.book(ORDER, "France")

    with pytest.raises(ParcelExists):
        await parcels.book(ORDER, "France")


async def test_cancelling_comes_too_late(parcels: SqlShipping) -> None:
    """A parcel that the carrier has stays with the carrier."""
    await parcels.book(ORDER, "France")
    await parcels.hand_over(ORDER)

    await parcels.cancel(ORDER, "France")

    assert await parcels.track(ORDER) == "handed over"
