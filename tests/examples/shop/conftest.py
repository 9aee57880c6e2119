"""Services of the shop on real databases in a temporary folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.shop.services import cart, catalog, inventory, notification, order, payment, shipping, user
from tests.examples.shop.orders import HEART, LANTERN
from weft.data import Database


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[user.SqlUsers]:
    """Users without accounts."""
    async with Database.open(f"sqlite:///{tmp_path}/user.db", tables=user.metadata) as db:
        yield user.SqlUsers(db)


@pytest.fixture
async def goods(tmp_path: Path) -> AsyncIterator[catalog.SqlCatalog]:
    """A catalog of hearts and lanterns."""
    async with Database.open(f"sqlite:///{tmp_path}/catalog.db", tables=catalog.metadata) as db:
        service = catalog.SqlCatalog(db)
        await service.list_products((catalog.Product(HEART, "A heart"), catalog.Product(LANTERN, "A lantern")))
        yield service


@pytest.fixture
async def carts(tmp_path: Path, users: user.SqlUsers, goods: catalog.SqlCatalog) -> AsyncIterator[cart.SqlCarts]:
    """No carts yet; users and catalog are the real ones."""
    async with Database.open(f"sqlite:///{tmp_path}/cart.db", tables=cart.metadata) as db:
        yield cart.SqlCarts(db, users, goods)


@pytest.fixture
async def orders(tmp_path: Path) -> AsyncIterator[order.SqlOrders]:
    """An empty order book."""
    async with Database.open(f"sqlite:///{tmp_path}/order.db", tables=order.metadata) as db:
        yield order.SqlOrders(db)


@pytest.fixture
async def stock(tmp_path: Path) -> AsyncIterator[inventory.SqlInventory]:
    """An empty shelf."""
    async with Database.open(f"sqlite:///{tmp_path}/inventory.db", tables=inventory.metadata) as db:
        yield inventory.SqlInventory(db)


@pytest.fixture
async def payments(tmp_path: Path) -> AsyncIterator[payment.SqlPayments]:
    """An empty ledger."""
    async with Database.open(f"sqlite:///{tmp_path}/payment.db", tables=payment.metadata) as db:
        yield payment.SqlPayments(db)


@pytest.fixture
async def parcels(tmp_path: Path) -> AsyncIterator[shipping.SqlShipping]:
    """No parcels yet."""
    async with Database.open(f"sqlite:///{tmp_path}/shipping.db", tables=shipping.metadata) as db:
        yield shipping.SqlShipping(db)


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[notification.SqlNotifications]:
    """No messages yet."""
    async with Database.open(f"sqlite:///{tmp_path}/notification.db", tables=notification.metadata) as db:
        yield notification.SqlNotifications(db)
