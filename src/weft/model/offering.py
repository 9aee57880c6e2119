"""Workflows offered as operations: who calls one knows only the service."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from weft.model.effect import EffectKind
from weft.model.problem import Problem
from weft.model.spec import ServiceSpec, WorkflowSpec
from weft.model.workflow import Workflow

Input = TypeVar("Input")
Result = TypeVar("Result")
Self = TypeVar("Self")

OFFERS = "__weft_offers__"


def offers(
    workflow: Workflow[Input, Result], /
) -> Callable[
    [Callable[[Self, Input], Coroutine[Any, Any, Result]]], Callable[[Self, Input], Coroutine[Any, Any, Result]]
]:
    """Offer a workflow as an operation: each call is a run, and the run's result is the reply.

    It stands below `@operation(...)`, over a method with the workflow's input and result; the method's own body is
    never executed. The run's id is the call's, so a call that is repeated finds its run. A run that does not complete
    is an `OutcomeUnknown`, which is not tried again. The operation has no timeout where none is declared.

    Example:
        ```python
        class Orders(Service):
            @operation(idempotent)
            @offers(place_order)
            async def place(self, order: Order) -> Confirmed: ...
        ```
    """

    def declare(
        method: Callable[[Self, Input], Coroutine[Any, Any, Result]],
    ) -> Callable[[Self, Input], Coroutine[Any, Any, Result]]:
        setattr(method, OFFERS, workflow)
        return method

    return declare


def offered_by(method: object) -> Workflow[Any, Any] | None:
    """Return the workflow that a method offers, if it offers one."""
    found: Workflow[Any, Any] | None = getattr(method, OFFERS, None)
    return found


def judge_offers(services: Sequence[ServiceSpec], workflows: Sequence[WorkflowSpec]) -> Iterator[Problem]:
    """Find offered workflows that are not there, and operations that cannot offer one."""
    known = [flow.workflow for flow in workflows]
    for spec in services:
        for name, operation in spec.operations.items():
            flow = offered_by(inspect.getattr_static(spec.implementation, name))
            if flow is None:
                continue
            label = f"operation {operation.target}"
            if flow not in known:
                what = f"{label} offers workflow {flow.name} ({flow.where}), which is not part of the System"
                yield Problem(operation.where, what, "add it to System(workflows=[...])")
            if len(operation.parameters.names) != 1:
                what = f"{label} offers workflow {flow.name} and takes {len(operation.parameters.names)} parameters"
                yield Problem(operation.where, what, "take the workflow's input, and nothing else")
            if operation.kind is EffectKind.READ:
                what = f"{label} offers workflow {flow.name} as a read, and a run is an effect"
                yield Problem(operation.where, what, "declare it idempotent: a repeated call finds its run")
