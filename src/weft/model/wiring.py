"""Who depends on whom: every dependency of a service or workflow is found, is one, and leads back to nobody."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, get_origin

from weft.model.problem import Problem
from weft.model.service import Service
from weft.model.signature import UNIONS, name_of, signature_of
from weft.model.spec import ServiceSpec, WorkflowSpec

RUNS = "__weft_runs__"
"""A class with this attribute starts and finds runs; the host has it ready for everybody."""

EXACTLY_ONCE_STORE = "__weft_exactly_once_store__"
"""A class with this attribute stores outcomes by call id, so that a service that works in it is exactly once."""


SAY_NOTHING = frozenset({Any, object, type(None)})
"""Types that name no class to provide."""


class Dependency(Enum):
    """What a parameter of a constructor or workflow asks for."""

    SERVICE = "service"
    RUNS = "runs"
    RESOURCE = "resource"
    NOTHING = "nothing that can be given"


def kind_of(hint: Any) -> Dependency:
    """Tell what a type asks for; a resource is any class that is neither a service nor Runs."""
    kind: object = get_origin(hint) or hint
    if not isinstance(kind, type) or kind in SAY_NOTHING or kind in UNIONS:
        return Dependency.NOTHING
    if issubclass(kind, Service):
        return Dependency.SERVICE
    return Dependency.RUNS if hasattr(hint, RUNS) else Dependency.RESOURCE


def resources_of(spec: ServiceSpec) -> dict[str, Any]:
    """Return the parameters that a provider must give: those of a resource's type, without a default."""
    resources = {name: hint for name, hint in spec.dependencies.items() if kind_of(hint) is Dependency.RESOURCE}
    if not resources:
        return {}
    parameters = signature_of(spec.implementation.__init__).parameters
    return {name: hint for name, hint in resources.items() if parameters[name].default is inspect.Parameter.empty}


def judge_wiring(services: Sequence[ServiceSpec], workflows: Sequence[WorkflowSpec]) -> Iterator[Problem]:
    """Find dependencies that cannot be given, promises that no dependency keeps, and circles."""
    for spec in services:
        label = f"service {spec.name}"
        for name, hint in spec.dependencies.items():
            if kind_of(hint) is Dependency.NOTHING:
                what = f"{label} depends on `{name}: {name_of(hint)}`, which is no class"
                yield Problem(
                    spec.where, what, "name a service, Runs, or the class of a resource that a provider makes"
                )
            yield from _judge_service(name, hint, label, where=spec.where, services=services)
        yield from _judge_promise(spec)
    for flow in workflows:
        label = f"workflow {flow.name}"
        for name, hint in flow.services.items():
            if kind_of(hint) in {Dependency.NOTHING, Dependency.RESOURCE}:
                what = f"{label} takes `{name}: {name_of(hint)}`, which is neither a service nor Runs"
                yield Problem(flow.where, what, "let a service hold it, and call an operation of that service")
            yield from _judge_service(name, hint, label, where=flow.where, services=services)
    yield from _judge_circles(services)


def _judge_service(
    name: str, hint: Any, label: str, *, where: str, services: Sequence[ServiceSpec]
) -> Iterator[Problem]:
    if kind_of(hint) is not Dependency.SERVICE:
        return
    found = [spec for spec in services if hint in spec.contracts]
    if not found:
        what = f"{label} depends on `{name}: {name_of(hint)}`, which is not part of the System"
        remedy = f"add {name_of(hint)}, or a subclass that implements it, to System(services=[...])"
        yield Problem(where, what, remedy)
    elif len(found) > 1:
        classes = ", ".join(spec.implementation.__name__ for spec in found)
        what = f"{label} depends on `{name}: {name_of(hint)}`, which has {len(found)} implementations: {classes}"
        yield Problem(where, what, "name one of them, or keep one of them in the System")


def _judge_promise(spec: ServiceSpec) -> Iterator[Problem]:
    """Hold a service to the promise that it stores outcomes by call id; SEMANTICS.md 6."""
    promised = next((contract for contract in spec.contracts if contract.weft_exactly_once), None)
    if promised is None:
        return
    if not spec.implementation.weft_exactly_once:
        what = f"service {spec.name} says exactly_once=False, its contract {promised.__name__} exactly_once=True"
        yield Problem(spec.where, what, "keep the contract's promise: callers know only that")
    elif not any(getattr(hint, EXACTLY_ONCE_STORE, False) for hint in spec.dependencies.values()):
        what = f"service {spec.name} says exactly_once=True and has no store that remembers calls"
        remedy = (
            "take `db: Database` (weft.data) in the constructor and work in its transactions, or leave exactly_once out"
        )
        yield Problem(spec.where, what, remedy)


def _judge_circles(services: Sequence[ServiceSpec]) -> Iterator[Problem]:
    """Find each circle of services once: none of them could be made first."""
    needs = {spec.name: _needs_of(spec, services) for spec in services}
    where = {spec.name: spec.where for spec in services}
    finished: set[str] = set()
    for name in needs:
        for circle in _circles_from(name, needs, path=[], finished=finished):
            what = f"services depend on one another in a circle: {' -> '.join(circle)}"
            yield Problem(where[circle[0]], what, "let one of them be told by a workflow, or move what both need apart")


def _needs_of(spec: ServiceSpec, services: Sequence[ServiceSpec]) -> list[str]:
    wanted = [hint for hint in spec.dependencies.values() if kind_of(hint) is Dependency.SERVICE]
    return [other.name for hint in wanted for other in services if hint in other.contracts]


def _circles_from(
    name: str, needs: Mapping[str, Sequence[str]], *, path: list[str], finished: set[str]
) -> Iterator[list[str]]:
    if name in path:
        yield [*path[path.index(name) :], name]
        return
    if name in finished:
        return
    path.append(name)
    for other in needs[name]:
        yield from _circles_from(other, needs, path=path, finished=finished)
    path.pop()
    finished.add(name)
