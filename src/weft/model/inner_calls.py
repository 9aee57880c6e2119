"""Effects of other services called inside an operation: nothing would undo them, so they belong in a workflow."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

from weft.model.bytecode import Act
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.problem import Problem
from weft.model.reach import Reach, way_of
from weft.model.service import Service
from weft.model.spec import ServiceSpec
from weft.model.symbols import Instance, Known, Symbol, Use

REMEDY = "call it from a workflow: inside an operation only read and idempotent operations of others are safe"
ALLOWED = frozenset({EffectKind.READ, EffectKind.IDEMPOTENT})


def judge_inner_calls(services: Sequence[ServiceSpec]) -> Iterator[Problem]:
    """Find effects of others that operations call, also through functions that they lead to.

    It looks at what the constructor keeps (`self.payments = payments`) and what is called on it. What it does not see
    is refused when it is called.
    """
    for spec in services:
        others = _others_of(spec, services)
        if not any(operation.kind not in ALLOWED for other in others.values() for operation in other.values()):
            continue
        reach = Reach(fields=_fields_of(spec.implementation))
        for name in spec.operations:
            method = inspect.getattr_static(spec.implementation, name)
            if not isinstance(method, FunctionType):
                continue
            for sight in reach.sights(method, receiver=Instance(spec.implementation), name=f"{spec.name}.{name}"):
                called = _called(sight.use, others)
                if called is not None and called.kind not in ALLOWED:
                    what = f"operation {sight.path[0]} calls {called.target}, which is {called.kind.value}"
                    yield Problem(sight.where, f"{what}{way_of(sight.path)}", REMEDY)


def _others_of(spec: ServiceSpec, services: Sequence[ServiceSpec]) -> dict[type, Mapping[str, Operation]]:
    """Return the operations of the services that a service depends on, by the class that it names them by."""
    wanted = [hint for hint in spec.dependencies.values() if isinstance(hint, type) and issubclass(hint, Service)]
    return {hint: other.operations for hint in wanted for other in services if hint in other.contracts}


def _fields_of(implementation: type[Service]) -> dict[tuple[type, str], Symbol]:
    """Return what the constructors of a class and its bases keep in attributes."""
    found: dict[tuple[type, str], Symbol] = {}
    for base in implementation.__mro__:
        constructor: Any = vars(base).get("__init__")
        if not isinstance(constructor, FunctionType):
            continue
        for sight in Reach().sights(constructor, receiver=Instance(implementation)):
            use = sight.use
            if use.act is Act.STORE_ATTRIBUTE and use.owner == Instance(implementation):
                found.setdefault((implementation, use.text.rpartition(".")[2]), use.symbol)
    return found


def _called(use: Use, others: Mapping[type, Mapping[str, Operation]]) -> Operation | None:
    """Return the operation of another service that a use names."""
    if use.act is not Act.ATTRIBUTE or not isinstance(use.owner, Instance) or not isinstance(use.symbol, Known):
        return None
    return others.get(use.owner.cls, {}).get(use.text.rpartition(".")[2])
