"""The faults that the demo meets: lost requests, lost replies, delays, doubles, crashes, and services that decline."""

from __future__ import annotations

from examples.shop.services.inventory import Inventory, OutOfStock
from examples.shop.services.payment import PaymentDeclined, Payments
from examples.shop.services.shipping import Shipping, Undeliverable
from examples.shop.values import OrderId, Sku
from weft import System
from weft.testing import Plan

REFUSALS_AMONG_FAULTS = 0.1
"""Services decline this much more seldom than the network fails."""


def weather(system: System, rate: float, *, seed: int) -> Plan:
    """Return the faults of one rate and seed.

    What is lost, late, doubled or crashes changes no outcome. What is declined does, and is a function of the seed, the
    operation and the order alone: two demos of one seed end alike, whatever was killed in between.
    """
    plan = Plan.from_rate(system, rate, seed=seed)
    if rate > 0:
        declined = OrderId("declined by the demo's faults")
        seldom = rate * REFUSALS_AMONG_FAULTS
        plan.refuse(Inventory.reserve, with_=OutOfStock(Sku(declined), 0), rate=seldom)
        plan.refuse(Payments.charge, with_=PaymentDeclined(declined, "by the demo's faults"), rate=seldom)
        plan.refuse(Shipping.book, with_=Undeliverable(declined, "by the demo's faults"), rate=seldom)
    return plan
