"""Watch the calls go by: how many were tried again, how many were undos, and which runs repaired a lost reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from examples.shop.workflows.place_order import place_order

REMEMBERED = 20
"""Runs that repaired a lost reply are remembered up to this number: one of them will be shown."""


class Watch:
    """Counts attempts; both a policy and a witness of the host.

    Attributes:
        attempts: calls that were sent, each time they were.
        retries: those that had been sent before.
        repaired: orders of which a call was applied, its reply lost, and the call answered when it came again.
        orders: ids of the orders that this process worked on.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.retries = 0
        self.repaired: list[str] = []
        self.orders: set[str] = set()

    def policy(self, handler: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Count every attempt on its way."""

        def handle(call: Any) -> Awaitable[Any]:
            self.attempts += 1
            self.retries += call.attempt > 1
            workflow, _, order = call.caller.partition("/")
            if workflow == place_order.name:
                self.orders.add(order)
            return handler(call)

        return handle

    def witness(self, call: Any, ending: Any) -> None:
        """Note a call that came again after it was applied: the database answers it with the reply of then."""
        workflow, _, order = call.caller.partition("/")
        again = ending.value == "settled" and call.attempt > 1
        if again and workflow == place_order.name and len(self.repaired) < REMEMBERED and order not in self.repaired:
            self.repaired.append(order)
