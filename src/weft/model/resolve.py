"""From declarations to specs: resolve types, collect problems instead of stopping at the first."""

from __future__ import annotations

import inspect
from datetime import timedelta
from inspect import Parameter
from types import NoneType
from typing import Any

from weft.codec import fingerprint
from weft.model.declared import Declared, operations_of
from weft.model.naming import judge_name
from weft.model.offering import offered_by
from weft.model.operation import Operation
from weft.model.pairing import judge_pairs, undo_name
from weft.model.place import place_of
from weft.model.policy import DEFAULT_TIMEOUT, NO_TIMEOUT_MS
from weft.model.problem import Problem
from weft.model.queueing import judge_at_once
from weft.model.refusal import refusal_class
from weft.model.service import Service, contracts_of
from weft.model.signature import (
    arguments_codec,
    bare,
    hints_of,
    judge_parameters,
    judge_result,
    name_of,
    parameters_of,
    sendable_codec,
)
from weft.model.spec import ServiceSpec, WorkflowSpec
from weft.model.workflow import Workflow

MILLISECOND = timedelta(milliseconds=1)
INPUT = frozenset({Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD})


def resolve_service(implementation: type[Service], problems: list[Problem]) -> ServiceSpec:
    """Return a service with its operations and dependencies."""
    where = place_of(implementation)
    problems.extend(judge_name(implementation.weft_name, "service", where))
    declared = operations_of(implementation, problems)
    problems.extend(judge_pairs(implementation, declared))
    return ServiceSpec(
        name=implementation.weft_name,
        implementation=implementation,
        contracts=contracts_of(implementation),
        operations={name: _resolve_operation(implementation, each, problems) for name, each in declared.items()},
        dependencies=_dependencies_of(implementation, where, problems),
        where=where,
    )


def _resolve_operation(implementation: type[Service], declared: Declared, problems: list[Problem]) -> Operation:
    declaration, signature, where = declared.declaration, declared.signature, declared.where
    refusals = [each for each in map(refusal_class, declaration.raises) if each is not None]
    shape = "".join(f"{name}:{name_of(hint)};" for name, hint in signature.parameters.items())
    give_up = declaration.give_up_after
    return Operation(
        service=implementation.weft_name,
        name=declared.name,
        kind=declaration.effect.kind,
        parameters=arguments_codec(signature, declared.label, where, problems=problems),
        result=sendable_codec(signature.result, f"result of {declared.label}", where, problems=problems),
        refusals={
            each.__name__: sendable_codec(each, f"refusal of {declared.label}", place_of(each), problems=problems)
            for each in refusals
        },
        timeout_ms=_timeout_of(declared),
        give_up_after_ms=None if give_up is None else _milliseconds(give_up),
        undo=undo_name(declaration),
        asks=declaration.effect.asks,
        exactly_once=implementation.weft_exactly_once,
        contract=fingerprint(shape.encode())[:8],
        where=where,
    )


def _timeout_of(declared: Declared) -> int:
    without = NO_TIMEOUT_MS if offered_by(declared.method) is not None else DEFAULT_TIMEOUT // MILLISECOND
    return _milliseconds(declared.declaration.timeout) or without


def _milliseconds(duration: object) -> int:
    """Return a duration in whole milliseconds, rounded up; what is no duration has been judged already."""
    return -(-duration // MILLISECOND) if isinstance(duration, timedelta) else 0


def _dependencies_of(implementation: type[Service], where: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the parameters of the constructor with their types."""
    constructor: Any = implementation.__init__
    if constructor is object.__init__:
        return {}
    label = f"the constructor of {implementation.__name__}"
    parameters = parameters_of(constructor, method=True)
    problems.extend(judge_parameters(parameters, label, where))
    hints = hints_of(constructor, where, problems)
    return {each.name: bare(hints[each.name]) for each in parameters if each.name in hints}


def resolve_workflow(workflow: Workflow[Any, Any], problems: list[Problem]) -> WorkflowSpec:
    """Return a workflow with its input, result and services."""
    where, label = workflow.where, f"workflow {workflow.name}"
    problems.extend(judge_name(workflow.name, "workflow", where))
    problems.extend(judge_at_once(workflow.at_once, label, where))
    problems.extend(_judge_shape(workflow, label, where))
    parameters = parameters_of(workflow.function, method=False)
    problems.extend(judge_parameters(parameters, label, where, positional_only=True))
    problems.extend(judge_result(workflow.function, label, where))
    hints = hints_of(workflow.function, where, problems)
    inputs = [each for each in parameters if each.kind in INPUT]
    services = [each for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    hint = hints.get(inputs[0].name, NoneType) if inputs else NoneType
    return WorkflowSpec(
        name=workflow.name,
        workflow=workflow,
        input=sendable_codec(hint, f"input of {label}", where, problems=problems),
        result=sendable_codec(hints.get("return", NoneType), f"result of {label}", where, problems=problems),
        services={each.name: bare(hints[each.name]) for each in services if each.name in hints},
        where=where,
    )


def _judge_shape(workflow: Workflow[Any, Any], label: str, where: str) -> list[Problem]:
    """Find a workflow that is not one async function of one input and its services."""
    found: list[Problem] = []
    if inspect.isasyncgenfunction(workflow.function):
        remedy = "return one result; show what happens on the way with State"
        found.append(Problem(where, f"{label} is an async generator", remedy))
    elif not inspect.iscoroutinefunction(workflow.function):
        found.append(Problem(where, f"{label} is not async", "write `async def`"))
    parameters = parameters_of(workflow.function, method=False)
    inputs = [each.name for each in parameters if each.kind in INPUT]
    if len(inputs) != 1:
        what = f"{label} takes {len(inputs)} inputs ({', '.join(inputs)})" if inputs else f"{label} takes no input"
        remedy = "put the inputs into one frozen dataclass; services come after `*`"
        found.append(Problem(where, f"{what}; it takes exactly one", remedy))
    for each in parameters:
        if each.kind is Parameter.KEYWORD_ONLY and each.default is not Parameter.empty:
            what = f"service `{each.name}` of {label} has a default"
            found.append(Problem(where, what, "remove the default: the host gives every run its services"))
    return found
