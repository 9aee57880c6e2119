"""The arguments of an operation to bytes and back: names with a type each, in one JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET

from weft.codec.classes import Field, RecordClass, new_mirror, packed, tell_types
from weft.codec.compiler import Compiler, refusal
from weft.codec.shape import Mismatch, Shape, inside, wrong_class
from weft.codec.wire import cannot_travel, invalid, reader, schema_of, write

NO_DEFAULTS: Mapping[str, object] = MappingProxyType({})


class Arguments:
    """The arguments of an operation, by name."""


class RecordCodec:
    """Turns named values into the bytes of one JSON object and back; any thread may use it.

    Defaults are written like other values: what was recorded does not change when a default does. They are filled in on
    the way back only where the bytes are older than the field.
    """

    __slots__ = ("_defaults", "_fields", "_inwards", "_outward", "_read", "names")

    names: tuple[str, ...]
    """The names in declared order, which is that of the keys."""

    def __init__(self, fields: Mapping[str, object], defaults: Mapping[str, object] = NO_DEFAULTS) -> None:
        self.names = tuple(fields)
        self._defaults = dict(defaults)
        self._fields = dict(fields)
        shapes = Compiler().compile(fields)
        for (name, hint), shape in zip(fields.items(), shapes, strict=True):
            if name in defaults:
                _check_default(defaults[name], shape, hint=hint, name=name)
        record = self._record()
        wire, build = new_mirror(record, tagged=False, name="Arguments")
        tell_types(wire, record, shapes)
        self._read = reader(wire, hint=Arguments, name=", ".join(fields))
        self._outward = packed(record, shapes, build)
        self._inwards = tuple((name, shape.inward) for name, shape in zip(fields, shapes, strict=True) if shape.inward)

    def encode(self, values: Mapping[str, object]) -> bytes:
        """Write values by name; a missing one takes its default.

        Raises:
            TypeError: A value is missing, or has a name that is not declared.
            ValueCannotTravel: A value is not of its type, or holds something without a form in JSON.
        """
        return self.encode_arguments((), values)

    def encode_arguments(self, args: Sequence[object], kwargs: Mapping[str, object]) -> bytes:
        """Write the arguments of a call, bound to names as a call binds them.

        Raises:
            TypeError: They do not fit the names.
            ValueCannotTravel: A value is not of its type, or holds something without a form in JSON.
        """
        if kwargs or len(args) != len(self.names):
            args = self._bind(args, kwargs)
        try:
            return write(self._outward(args))
        except (Mismatch, ValueError, RecursionError) as error:
            parts = ((f".{name}", value) for name, value in zip(self.names, args, strict=True))
            raise cannot_travel(error, parts, where="") from None

    def decode(self, data: bytes) -> dict[str, Any]:
        """Read values by name; unknown names are passed over, missing ones take their defaults.

        Raises:
            ValueInvalid: The bytes are no JSON object, a value is not of its type, or one without a default is missing.
        """
        try:
            values = msgspec.structs.asdict(self._read(data))
            for name, step in self._inwards:
                if (value := values[name]) is not UNSET:
                    values[name] = inside(f".{name}", step, value)
        except MemoryError:
            raise
        except Exception as error:
            # A border: `__post_init__` is the user's code, and whatever it raises means that these bytes are no value.
            raise invalid(error, where="") from error
        for name, default in self._defaults.items():
            if values[name] is UNSET:
                values[name] = default
        return values

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema (2020-12) of the object."""
        record = self._record()
        wire = new_mirror(record, tagged=False, name="Arguments")[0]
        tell_types(wire, record, Compiler(mirror_all=True).compile(self._fields))
        return schema_of(wire)

    def _record(self) -> RecordClass:
        fields = (
            Field(name, name, hint, required=name not in self._defaults, positional=True)
            for name, hint in self._fields.items()
        )
        return RecordClass(Arguments, tuple(fields), rebuilt=True)

    def _bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Sequence[object]:
        """Put a value at each name's place; the words of the TypeErrors are Python's."""
        names, defaults = self.names, self._defaults
        if len(args) > len(names):
            raise TypeError(f"takes {_count(len(names), 'positional argument')} but {len(args)} were given")
        values, missing, used = list(args), list[str](), 0
        for name in names[len(args) :]:
            if name in kwargs:
                values.append(kwargs[name])
                used += 1
            elif name in defaults:
                values.append(defaults[name])
            else:
                missing.append(name)
        if used < len(kwargs):
            name = next(name for name in kwargs if name not in names[len(args) :])
            problem = "multiple values for" if name in names else "an unexpected keyword"
            raise TypeError(f"got {problem} argument {name!r}")
        if missing:
            listed = ", ".join(repr(name) for name in missing)
            raise TypeError(f"missing {_count(len(missing), 'required argument')}: {listed}")
        return values


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _check_default(value: object, shape: Shape, *, hint: object, name: str) -> None:
    try:
        if type(value) not in shape.takes:
            raise wrong_class(value, shape)
        if shape.outward is not None:
            shape.outward(value)
    except Mismatch as mismatch:
        raise refusal(hint, name, f"its default is not of the type: {mismatch.reason}") from None
