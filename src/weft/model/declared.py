"""Operations as a class declares them: found over its contracts, read, and each judged by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from weft.model.operation import OperationDeclaration, declaration_of
from weft.model.place import label_of, place_of
from weft.model.problem import Problem
from weft.model.refusal import record_names, refusal_class
from weft.model.service import Service, contracts_of
from weft.model.signature import Signature, judge_parameters, judge_result, parameters_of, read_signature, signature_of

EFFECTS = "read, idempotent, compensated_by(undo) or irreversible"
KEPT_BY_EXCEPTIONS = frozenset(dir(Exception))


@dataclass(frozen=True, slots=True)
class Declared:
    """One operation as a class declares it.

    Attributes:
        label: `service.operation`, as messages name it.
        where: `file:line` of the method.
        method: the function that runs.
        declaration: what its decorator was told, or that of the contract whose method it overrides.
    """

    name: str
    label: str
    where: str
    method: Any
    declaration: OperationDeclaration
    signature: Signature


def operations_of(implementation: type[Service], problems: list[Problem]) -> dict[str, Declared]:
    """Return the operations of a service by name, those of its contracts first; collect what is wrong with each."""
    found: dict[str, Declared] = {}
    for name, declaration in declarations_of(implementation).items():
        member = inspect.getattr_static(implementation, name)
        label, where = f"{implementation.weft_name}.{name}", place_of(member)
        fault = _fault_of_method(member)
        if fault:
            what, remedy = fault
            problems.append(Problem(where, f"operation {label} {what}", remedy))
        if not inspect.isfunction(member):
            continue
        label = f"operation {label}"
        problems.extend(judge_parameters(parameters_of(member, method=True), label, where))
        problems.extend(judge_result(member, label, where))
        signature = read_signature(member, where, problems)
        found[name] = Declared(name, label, where, member, declaration, signature)
        problems.extend(_judge_declaration(found[name]))
    problems.extend(_judge_undeclared(implementation, found))
    return found


def declarations_of(implementation: type[Service]) -> dict[str, OperationDeclaration]:
    """Return what the decorators of a class and its contracts were told, by name; the nearest class wins."""
    found: dict[str, OperationDeclaration] = {}
    for contract in reversed(contracts_of(implementation)):
        for name, member in vars(contract).items():
            declaration = declaration_of(member)
            if declaration is not None:
                found[name] = declaration
    return found


def _fault_of_method(member: object) -> tuple[str, str] | None:
    """Return what is wrong with the kind of a member that is declared as an operation, and what to do."""
    if not inspect.isfunction(member):
        return f"is a {type(member).__name__}", "make it a plain method: `async def ...(self, ...)`"
    if getattr(member, "__isabstractmethod__", False):
        return "is abstract", "give the System the class that implements it; callers go on naming the contract"
    if inspect.isasyncgenfunction(member):
        return "is an async generator", "an operation answers once; let large data travel by reference"
    if not inspect.iscoroutinefunction(inspect.unwrap(member)):
        return "is not async", "write `async def`"
    if not signature_of(member).parameters:
        return "takes no self", "write `self` as its first parameter"
    return None


def _judge_declaration(operation: Declared) -> Iterator[Problem]:
    yield from _judge_refusals(operation)
    for name in ("timeout", "give_up_after"):
        duration: object = getattr(operation.declaration, name)
        if duration is not None and not (isinstance(duration, timedelta) and duration > timedelta(0)):
            what = f"{operation.label}: {name}={duration!r} is no duration"
            yield Problem(operation.where, what, f"write a positive timedelta: `{name}=timedelta(seconds=30)`")


def _judge_refusals(operation: Declared) -> Iterator[Problem]:
    names: dict[str, object] = {}
    for each in cast("tuple[object, ...]", operation.declaration.raises):
        kind = refusal_class(each)
        if kind is None:
            what = f"{operation.label} raises {label_of(each)}, which is no subclass of Declined"
            remedy = "declare `class OutOfStock(Declined)` with fields for what the caller must know"
            yield Problem(operation.where, what, remedy)
            continue
        if names.setdefault(kind.__name__, kind) is not kind:
            what = f"{operation.label} raises two refusals named {kind.__name__}; the other one is at {place_of(kind)}"
            yield Problem(operation.where, what, "rename one of them: refusals travel by their name")
        for name in sorted(KEPT_BY_EXCEPTIONS.intersection(record_names(kind))):
            what = f"refusal {kind.__name__} has a field `{name}`, which every exception has already"
            yield Problem(place_of(kind), what, "rename the field")


def _judge_undeclared(implementation: type[Service], operations: Mapping[str, object]) -> Iterator[Problem]:
    """Find public async methods without an effect: callers see them, and the proxy has none."""
    seen: set[str] = set()
    for contract in contracts_of(implementation):
        for name, member in vars(contract).items():
            asynchronous = inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
            if asynchronous and not name.startswith("_") and name not in operations and name not in seen:
                seen.add(name)
                what = f"{implementation.weft_name}.{name} is public and async, but declares no effect"
                remedy = f"declare it: @operation({EFFECTS}); or begin its name with an underscore"
                yield Problem(place_of(member), what, remedy)
