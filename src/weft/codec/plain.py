"""The shapes of the plain types: numbers, text, moments, enums, literals, and constraints on them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from weft.codec.shape import Mismatch, Shape, Step

MINUTE = timedelta(minutes=1)
CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz")
"""The parts of `msgspec.Meta` that refuse values; the others only describe."""


def _float_outward(value: float) -> float:
    # A type checker lets an int stand where a float is declared, so the codec does: as long as it is the same number.
    if type(value) is int:
        try:
            exact = int(float(value)) == value
        except OverflowError:
            exact = False
        if not exact:
            raise Mismatch("the int has more digits than a float holds; declare int or Decimal")
    elif not math.isfinite(value):
        raise Mismatch("the float is not finite, and JSON has no word for it")
    return value


def _decimal_step(value: Decimal) -> Decimal:
    # On both ways: msgspec reads the string "NaN" into a Decimal.
    if not value.is_finite():
        raise Mismatch("the Decimal is not finite")
    return value


def _datetime_inward(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise Mismatch("the datetime is naive: it names no time zone")
    return value


def _datetime_outward(value: datetime) -> datetime:
    offset = value.utcoffset()
    if offset is None:
        raise Mismatch("the datetime is naive: give it a time zone, such as datetime.UTC")
    if offset % MINUTE:
        # RFC 3339 has no seconds in an offset; msgspec rounds them, which would be another moment.
        raise Mismatch(f"the offset {offset} of the datetime is not in whole minutes; use .astimezone(datetime.UTC)")
    return value


def _plain(
    kind: type, *, outward: Step | None = None, inward: Step | None = None, also: tuple[type, ...] = ()
) -> Shape:
    return Shape(kind.__name__, kind, frozenset({kind, *also}), outward=outward, inward=inward)


NONE = Shape("None", type(None), frozenset({type(None)}))

PLAIN: dict[type[object], Shape] = {
    type(None): NONE,
    **{kind: _plain(kind) for kind in (bool, int, str, bytes, date, timedelta, UUID)},
    float: _plain(float, outward=_float_outward, also=(int,)),
    Decimal: _plain(Decimal, outward=_decimal_step, inward=_decimal_step),
    # The constraint is for the schema and for msgspec's message. Of a field in a class that msgspec makes by itself it
    # does not know the constraint, so the look on the way in stays.
    datetime: replace(
        _plain(datetime, outward=_datetime_outward, inward=_datetime_inward),
        wire=Annotated[datetime, msgspec.Meta(tz=True)],
    ),
}
"""The shape of each plain type. A float needs no look on its way in: JSON cannot spell one that is not finite."""


def enum_shape(kind: type[Enum]) -> Shape:
    """Return the shape of an enum, which travels by value; the compiler has refused flags and other values."""
    return _plain(kind)


def literal_shape(name: str, hint: object, values: tuple[object, ...]) -> Shape:
    """Return the shape of a `Literal` of strings, ints and None."""
    allowed = frozenset(values)

    def outward(value: object) -> object:
        if value not in allowed:
            raise Mismatch(f"the value is none of those that {name} allows")
        return value

    return Shape(name, hint, frozenset(type(value) for value in values), outward=outward)


def constrained(shape: Shape, wire: object, shallow: object) -> Shape:
    """Return a shape whose values are held to msgspec's constraints on their way out as well.

    A caller's value that its callee must refuse would be recorded, sent, and refused again at each replay.

    Args:
        shape: The type without its constraints.
        wire: The annotated type, as msgspec is told it.
        shallow: The annotated type without what is inside, so that only the constraints are looked at.
    """
    inner = shape.outward

    def outward(value: Any) -> Any:
        try:
            msgspec.convert(value, shallow)
        except msgspec.ValidationError as error:
            raise Mismatch(str(error).removesuffix(" - at `$`")) from None
        return value if inner is None else inner(value)

    return replace(shape, wire=wire, outward=outward, columns=())
