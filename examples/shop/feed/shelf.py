"""What is on the shelf when the shop opens: of each SKU enough for every line of the file, or nothing.

A SKU whose lot (see `values.lot`) for "stock" is divisible by OUT_OF_STOCK_ONE_IN is listed and never delivered. So an
order ends the same whoever comes first; that two who want the last unit do not both get it is a test of its own.
"""

from __future__ import annotations

from examples.shop.feed.survey import Survey
from examples.shop.values import Sku, lot
from examples.shop.workflows.restock import RestockPlan, Supply

OUT_OF_STOCK_ONE_IN = 300
PLAN_SIZE = 500
"""SKUs in one plan, so that its input stays far below the limit of a payload."""


def units_for(sku: Sku, wanted: int) -> int:
    """Return how many units of a SKU are delivered when all orders together want `wanted`."""
    return 0 if lot("stock", sku) % OUT_OF_STOCK_ONE_IN == 0 else wanted


def opening_plans(found: Survey) -> list[RestockPlan]:
    """Return the plans that fill the shelf for a whole file."""
    supplies = [
        Supply(sku, found.descriptions[sku] or sku, units_for(sku, found.units[sku])) for sku in sorted(found.units)
    ]
    parts = [tuple(supplies[start : start + PLAN_SIZE]) for start in range(0, len(supplies), PLAN_SIZE)]
    return [RestockPlan(f"opening-{number}", part) for number, part in enumerate(parts, start=1)]
