"""A world with goods on its shelf."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from examples.shop.system import shop
from examples.shop.workflows.restock import restock
from tests.examples.shop.orders import OPENING
from weft.testing import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world in which ten hearts and ten lanterns are on the shelf."""
    async with World(shop, seed=7) as world:
        await world.start(restock, OPENING, id=OPENING.id)
        await world.settle()
        yield world
