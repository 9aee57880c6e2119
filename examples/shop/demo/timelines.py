"""Three telling orders and their timelines: one that was shipped, one that was taken back, one that was repaired."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from examples.shop.demo.drive import Tally
from examples.shop.demo.watch import Watch
from examples.shop.values import Ending, OrderId
from examples.shop.workflows.place_order import place_order

SHIPPED, COMPENSATED, REPAIRED = "shipped", "compensated", "repaired after a lost reply"
COMPENSATIONS = (Ending.UNDELIVERABLE, Ending.CANCELLED, Ending.PAYMENT_DECLINED, Ending.OUT_OF_STOCK)
"""The endings that took something back, the most telling first."""

WIDTH = 58


class Engine(Protocol):
    """What is asked of the engine."""

    async def show(self, workflow: str, run_id: str) -> Any:
        """Return the story of one run."""
        ...


async def tell(tally: Tally, watch: Watch, engine: Engine) -> dict[str, str]:
    """Return the timelines that there are, by what they tell."""
    told: dict[str, str] = {}
    for topic, order_id in _telling(tally, watch):
        story = await engine.show(place_order.name, order_id)
        told[topic] = "\n".join([f"order {order_id}", *_lines(story)])
    return told


def _telling(tally: Tally, watch: Watch) -> Iterator[tuple[str, str]]:
    repaired = [name for name in map(OrderId, watch.repaired) if name in tally.ended]
    quiet = (name for name, ended in tally.ended.items() if ended.ending is Ending.SHIPPED and name not in repaired)
    first = next(quiet, None)
    if first is not None:
        yield SHIPPED, first
    for ending in COMPENSATIONS:
        found = next((name for name, ended in tally.ended.items() if ended.ending is ending), None)
        if found is not None:
            yield COMPENSATED, found
            break
    if repaired:
        yield REPAIRED, next((name for name in repaired if tally.ended[name].ending is Ending.SHIPPED), repaired[0])


def _lines(story: Any) -> Iterator[str]:
    begun = story.view.created_ms
    for row in story.rows:
        took = "" if row.took_ms is None else f"{row.took_ms:,} ms"
        attempts = f"  ({row.attempts} attempts)" if row.attempts > 1 else ""
        what = " ".join(row.what.split())
        what = what if len(what) <= WIDTH else f"{what[: WIDTH - 1]}…"
        outcome = row.outcome if len(row.outcome) <= WIDTH else f"{row.outcome[: WIDTH - 1]}…"
        yield f"  {row.at_ms - begun:>7,} ms  {row.kind:<7} {what:<{WIDTH}} {took:>10}  {outcome}{attempts}".rstrip()
