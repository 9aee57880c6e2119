"""The two doors to msgspec, and what its complaints become."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import msgspec

from weft.codec.compiler import refusal
from weft.codec.shape import Mismatch
from weft.errors import ValueCannotTravel, ValueInvalid

write: Callable[[object], bytes] = msgspec.json.Encoder(order="deterministic").encode
"""Write what msgspec knows: dicts with string keys in sorted order, decimals as strings, fields in declared order."""


def reader(wire: object, *, hint: object, name: str) -> Callable[[bytes], Any]:
    """Return the function that reads one type strictly.

    Raises:
        TypeCannotTravel: msgspec cannot tell the members of a union in the type apart.
    """
    try:
        return msgspec.json.Decoder(cast("Any", wire)).decode
    except TypeError as error:
        raise refusal(hint, name, str(error)) from error


def schema_of(wire: object) -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a type that msgspec knows."""
    return msgspec.json.schema(wire)


def cannot_travel(error: Exception, parts: Iterable[tuple[str, object]], *, where: str) -> ValueCannotTravel:
    """Return the error for a value that did not become bytes.

    Args:
        error: The codec's Mismatch, or what msgspec raised: text with half a surrogate pair, an int of thousands of
            digits, or containers nested past the interpreter's limit.
        parts: What was to be written and under which steps, looked through for the culprit where msgspec does not say.
        where: What the value is declared as.
    """
    if isinstance(error, Mismatch):
        path, reason = error.path, error.reason
    elif isinstance(error, RecursionError):
        path, reason = "", "it is nested too deeply"
    else:
        path, reason = next(_culprits(parts, ""), ""), f"it cannot be written as JSON: {error}"
    return ValueCannotTravel(f"{path or 'the value'}: {reason}", where=where, path=path, reason=reason)


def _culprits(parts: Iterable[tuple[str, object]], path: str) -> Iterator[str]:
    """Walk through values and tell where msgspec cannot write a string or an int."""
    for step, value in parts:
        if isinstance(value, str | int):
            try:
                write(value)
            except ValueError:
                yield f"{path}{step}".removeprefix(".")
        yield from _culprits(_inside(value), path + step)


def _inside(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for index, pair in enumerate(cast("dict[object, object]", value).items()):
            yield f"[key {index}]", pair[0]
            yield f"[{pair[0]!r}]", pair[1]
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[object]", value)):
            yield f"[{index}]", item
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield f".{name}", getattr(value, name)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield f".{field.name}", getattr(value, field.name)


def invalid(error: Exception, *, where: str) -> ValueInvalid:
    """Return the error for bytes that did not become a value."""
    if isinstance(error, Mismatch):
        path, reason = error.path, error.reason
    else:
        # msgspec ends its message with the path: "Expected `int`, got `str` - at `$.lines[0].count`".
        reason, _, at = str(error).partition(" - at `$")
        path = at.removesuffix("`").removeprefix(".")
    return ValueInvalid(f"{path or 'the value'}: {reason}", where=where, path=path, reason=reason)
