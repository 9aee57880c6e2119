"""Signatures of operations and workflows: parameters, types and defaults, and what is wrong with them."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import UnionType
from typing import Any

from weft.codec import Codec, RecordCodec, codec_for
from weft.errors import TypeCannotTravel
from weft.model.problem import Problem

UNIONS = frozenset({typing.Union, UnionType})  # pyright: ignore[reportDeprecated] - compared with, not declared
"""What get_origin answers for unions; before 3.14 there are two kinds."""

REMEDY_OF_KIND = {
    Parameter.VAR_POSITIONAL: "give each parameter a name, or take one tuple",
    Parameter.VAR_KEYWORD: "give each parameter a name, or take one dict",
    Parameter.POSITIONAL_ONLY: "remove the `/`: arguments travel by name",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and returns: resolved types by name in declared order, and defaults by name."""

    parameters: Mapping[str, Any]
    defaults: Mapping[str, Any]
    result: Any


def hints_of(function: Callable[..., Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the resolved annotations of a function; what cannot be resolved is a problem, and leaves none."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        remedy = (
            "define or import the name at the top of the file, not inside a function and not for type checkers only"
        )
        problems.append(Problem(where, f"an annotation cannot be resolved: {error}", remedy))
        return {}


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, also where its annotations name what is not there (3.14 looks late)."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # noqa: PLC0415 - new in 3.14

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def parameters_of(function: Callable[..., Any], *, method: bool) -> list[Parameter]:
    """Return a function's parameters, without `self` for a method."""
    found = list(signature_of(function).parameters.values())
    return found[1:] if method else found


def judge_parameters(
    parameters: Iterable[Parameter], label: str, where: str, *, positional_only: bool = False
) -> list[Problem]:
    """Find parameters that cannot be given by name and type; `positional_only` lets those pass that have no name."""
    found: list[Problem] = []
    for parameter in parameters:
        allowed = positional_only and parameter.kind is Parameter.POSITIONAL_ONLY
        if parameter.kind in REMEDY_OF_KIND and not allowed:
            what = f"{label} takes `{parameter}`, which is {parameter.kind.description}"
            found.append(Problem(where, what, REMEDY_OF_KIND[parameter.kind]))
        elif parameter.annotation is Parameter.empty:
            what = f"parameter `{parameter.name}` of {label} has no type"
            found.append(Problem(where, what, f"annotate it: `{parameter.name}: SomeType`"))
    return found


def judge_result(function: Callable[..., Any], label: str, where: str) -> list[Problem]:
    """Find a function that does not say what it returns."""
    if signature_of(function).return_annotation is not inspect.Signature.empty:
        return []
    return [Problem(where, f"{label} does not say what it returns", "annotate it: `-> SomeType`, or `-> None`")]


def read_signature(
    function: Callable[..., Any], where: str, problems: list[Problem], *, method: bool = True
) -> Signature:
    """Return the signature of a function, with the parameters that can be sent."""
    known = len(problems)
    hints = hints_of(function, where, problems)
    if len(problems) > known:  # one problem is enough: pairs are compared by what can be compared, the names
        hints = dict.fromkeys([*signature_of(function).parameters, "return"], type(None))
    sendable = [each for each in parameters_of(function, method=method) if each.name in hints]
    sendable = [each for each in sendable if each.kind not in REMEDY_OF_KIND]
    return Signature(
        parameters={each.name: hints[each.name] for each in sendable},
        defaults={each.name: each.default for each in sendable if each.default is not Parameter.empty},
        result=hints.get("return", type(None)),
    )


def difference(left: Signature, right: Signature) -> str:
    """Return the first difference in the parameters of two signatures in words, or nothing if they are the same."""
    if list(left.parameters) != list(right.parameters):
        return f"({', '.join(left.parameters)}) and ({', '.join(right.parameters)})"
    for name, hint in left.parameters.items():
        if hint != right.parameters[name]:
            return f"{name}: {name_of(hint)} and {name}: {name_of(right.parameters[name])}"
    for name in left.parameters:
        one, other = (each.defaults.get(name, Parameter.empty) for each in (left, right))
        if one is not other and (type(one) is not type(other) or repr(one) != repr(other)):
            return f"{name}{_default(one)} and {name}{_default(other)}"
    return ""


def _default(value: object) -> str:
    return " without a default" if value is Parameter.empty else f"={value!r}"


def bare(hint: Any) -> Any:
    """Return a type without the notes of Annotated."""
    return bare(typing.get_args(hint)[0]) if typing.get_origin(hint) is typing.Annotated else hint


def name_of(hint: Any) -> str:
    """Return a type as people write it."""
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(getattr(hint, "__name__", hint)) if hasattr(hint, "__supertype__") else str(hint).replace("typing.", "")


def sendable_codec(hint: Any, label: str, where: str, *, problems: list[Problem]) -> Codec[Any]:
    """Return the codec of a type; one that cannot travel is a problem, and a codec of nothing takes its place."""
    try:
        return codec_for(hint)
    except TypeCannotTravel as error:
        problems.append(Problem(where, f"{label}: {error.what}", error.advice))
        return codec_for(type(None))


def arguments_codec(signature: Signature, label: str, where: str, *, problems: list[Problem]) -> RecordCodec:
    """Return the codec of an operation's arguments; each parameter that cannot travel is a problem of its own."""
    try:
        return RecordCodec(signature.parameters, signature.defaults)
    except TypeCannotTravel:
        for name, hint in signature.parameters.items():
            try:
                RecordCodec({name: hint}, {key: value for key, value in signature.defaults.items() if key == name})
            except TypeCannotTravel as error:
                problems.append(Problem(where, f"{label}: {error.what}", error.advice))
        return RecordCodec({})
