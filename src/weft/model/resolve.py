"""From declarations to specs: resolve types, collect problems instead of stopping at the first."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from weft.codec import Codec, RecordCodec, codec_for, fingerprint
from weft.errors import TypeCannotTravel
from weft.model.effect import EffectKind
from weft.model.operation import DECLARATION, Operation, OperationDeclaration
from weft.model.policy import DEFAULT_TIMEOUT
from weft.model.problem import Problem
from weft.model.service import Service
from weft.model.spec import ServiceSpec, WorkflowSpec
from weft.model.workflow import Workflow


def place_of(function: Any) -> str:
    """Return `file:line` of a function or class."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):
        return repr(function)


def _codec(hint: Any, where: str, what: str, problems: list[Problem]) -> Codec[Any]:
    try:
        return codec_for(hint)
    except TypeCannotTravel as error:
        problems.append(Problem(where, f"{what}: {error.what}", error.advice))
        return codec_for(type(None))


def hints_of(function: Callable[..., Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the resolved annotations of a function."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        problems.append(Problem(where, f"annotation cannot be resolved: {error}", "import the name at the top of the file"))
        return {}


def resolve_operation(
    spec_of: type[Service], name: str, declared: OperationDeclaration, problems: list[Problem]
) -> Operation:
    """Return one operation of a service; `declared` may come from a contract that the method overrides."""
    method = getattr(spec_of, name)
    where = place_of(method)
    hints = hints_of(method, where, problems)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    types = {p.name: hints.get(p.name, p.annotation) for p in parameters}
    for parameter, hint in types.items():
        _codec(hint, where, f"{spec_of.weft_name}.{name}({parameter})", problems)
    if problems:
        types = {k: v for k, v in types.items() if False}
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    record = RecordCodec(types, defaults if types else {})
    timeout = declared.timeout or DEFAULT_TIMEOUT
    give_up = declared.give_up_after
    return Operation(
        service=spec_of.weft_name,
        name=name,
        kind=declared.effect.kind,
        parameters=record,
        result=_codec(hints.get("return", type(None)), where, f"result of {spec_of.weft_name}.{name}", problems),
        refusals={r.__name__: _codec(r, where, f"refusal {r.__name__}", problems) for r in declared.raises},
        timeout_ms=round(timeout.total_seconds() * 1000),
        give_up_after_ms=None if give_up is None else round(give_up.total_seconds() * 1000),
        undo=None if declared.undo is None else declared.undo.__name__,
        asks=declared.effect.asks,
        exactly_once=spec_of.weft_exactly_once,
        contract=fingerprint(repr(sorted((k, str(v)) for k, v in types.items())).encode())[:8],
        where=where,
    )


def resolve_service(implementation: type[Service], problems: list[Problem]) -> ServiceSpec:
    """Return a service with its operations and dependencies."""
    where = place_of(implementation)
    contracts = tuple(c for c in implementation.__mro__ if issubclass(c, Service) and c is not Service)
    declared: dict[str, OperationDeclaration] = {}
    for contract in reversed(contracts):
        for name, member in vars(contract).items():
            declaration = getattr(member, DECLARATION, None)
            if isinstance(declaration, OperationDeclaration):
                declared[name] = declaration
    operations = {n: resolve_operation(implementation, n, d, problems) for n, d in declared.items()}
    init: Any = implementation.__init__
    dependencies: dict[str, Any] = {}
    if init is not object.__init__:
        hints = hints_of(init, where, problems)
        names = list(inspect.signature(init).parameters)[1:]
        dependencies = {name: hints.get(name) for name in names}
    return ServiceSpec(implementation.weft_name, implementation, contracts, operations, dependencies, where)


def resolve_workflow(workflow: Workflow[Any, Any], problems: list[Problem]) -> WorkflowSpec:
    """Return a workflow with its input, result and services."""
    where = workflow.where
    hints = hints_of(workflow.function, where, problems)
    parameters = list(inspect.signature(workflow.function).parameters.values())
    inputs = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    services = {p.name: hints.get(p.name) for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    if len(inputs) != 1:
        what = f"workflow {workflow.name} takes {len(inputs)} inputs; it takes exactly one"
        problems.append(Problem(where, what, "put the inputs into one frozen dataclass, services after `*`"))
    if not inspect.iscoroutinefunction(workflow.function):
        problems.append(Problem(where, f"workflow {workflow.name} is not async", "write `async def`"))
    hint = hints.get(inputs[0].name, type(None)) if inputs else type(None)
    return WorkflowSpec(
        name=workflow.name,
        workflow=workflow,
        input=_codec(hint, where, f"input of {workflow.name}", problems),
        result=_codec(hints.get("return", type(None)), where, f"result of {workflow.name}", problems),
        services=services,
        where=where,
    )


def is_read_or_idempotent(operation: Operation) -> bool:
    """Tell whether another service may call this operation from inside one of its own."""
    return operation.kind in {EffectKind.READ, EffectKind.IDEMPOTENT}
