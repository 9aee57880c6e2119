"""The story of the shelf: new goods are listed and put on it, and filled up again as they are sold."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from examples.shop.services.catalog import Catalog, Product
from examples.shop.services.inventory import Inventory
from examples.shop.values import Item, Sku
from weft import State, saga, workflow


@dataclass(frozen=True, slots=True)
class Supply:
    """A product and how many units of it should be on the shelf; zero for one that is listed but has no stock."""

    sku: Sku
    description: str
    keep: int


@dataclass(frozen=True, slots=True)
class RestockPlan:
    """What is kept on the shelf: looked at `rounds` times, `every` so often."""

    id: str
    supplies: tuple[Supply, ...]
    every: timedelta = timedelta(days=1)
    rounds: int = 1


delivered = State("delivered", 0)
"""How many units this plan has put on the shelf."""


@workflow
async def restock(plan: RestockPlan, *, catalog: Catalog, inventory: Inventory) -> int:
    """List the products of a plan and keep them on the shelf; return how many units were delivered."""
    await catalog.list_products(tuple(Product(supply.sku, supply.description) for supply in plan.supplies))
    units = 0
    for number in range(1, plan.rounds + 1):
        if number > 1:
            await asyncio.sleep(plan.every.total_seconds())
        missing = await _missing(plan, inventory)
        if missing:
            async with saga():
                await inventory.deliver(f"{plan.id}/{number}", missing)
            units += sum(item.quantity for item in missing)
            delivered.set(units)
    return units


async def _missing(plan: RestockPlan, inventory: Inventory) -> tuple[Item, ...]:
    there = await inventory.available(tuple(supply.sku for supply in plan.supplies))
    short = [(supply.sku, supply.keep - there[supply.sku]) for supply in plan.supplies]
    return tuple(Item(sku, units) for sku, units in short if units > 0)
