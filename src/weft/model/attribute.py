"""Attributes: typed, indexed values of a run, by which runs are found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast, get_args, get_origin

from weft.clock import EPOCH
from weft.errors import AttributeInvalid
from weft.model.query.fields import FIELDS
from weft.model.query.parser import LARGEST

V = TypeVar("V")

MOST_CHARACTERS = 255
"""The longest text of an attribute, and the longest name of one: what Temporal's databases take for a keyword."""

MOST_VALUES = 100
"""Texts of one attribute that holds several, and attributes of one run."""

MICROSECOND = timedelta(microseconds=1)


class Kind(IntEnum):
    """What an attribute holds, one for one with Temporal's search attributes. The numbers are on disk."""

    KEYWORD = 0
    INT = 1
    DOUBLE = 2
    BOOL = 3
    DATETIME = 4
    KEYWORD_LIST = 5


Stored: TypeAlias = str | int | float
"""A value in an index: booleans are 0 and 1, times microseconds since 1970."""


class Attributed(NamedTuple):
    """An attribute with the values that a run has of it; none takes it away.

    Attributes:
        name: the attribute's.
        kind: a `Kind` in its number.
        values: one, or several of a list; none for no value.
    """

    name: str
    kind: int
    values: tuple[Stored, ...]


Attributes: TypeAlias = tuple[Attributed, ...]

_KINDS: dict[Any, Kind] = {
    str: Kind.KEYWORD,
    int: Kind.INT,
    float: Kind.DOUBLE,
    bool: Kind.BOOL,
    datetime: Kind.DATETIME,
    tuple[str, ...]: Kind.KEYWORD_LIST,
}


class Attribute(Generic[V]):
    """A named value by which runs are found: `region = Attribute("region", str)`, declared once.

    Types: str, int, float, bool, datetime, an enum of texts, and tuple[str, ...] for several texts. Each is one of
    Temporal's kinds of search attributes, so that the same runs are found there. Decimal is none of them: keep money as
    whole minor units.

    Raises:
        AttributeInvalid: the name or the type cannot be used.
    """

    __slots__ = ("kind", "name", "type")

    def __init__(self, name: str, type: type[V]) -> None:  # noqa: A002 - reads as what it is where it is called
        self.name = name
        self.type = type
        self.kind = _kind_of(name, type)

    def of(self, value: V) -> Attributed:
        """Return the attribute with a value, to start a run with.

        Raises:
            AttributeInvalid: the value is not of the declared type, or is over a limit.
        """
        return Attributed(self.name, int(self.kind), self._stored(value))

    def none(self) -> Attributed:
        """Return the attribute without a value."""
        return Attributed(self.name, int(self.kind), ())

    def _stored(self, value: Any) -> tuple[Stored, ...]:
        if self.kind is Kind.KEYWORD_LIST:
            if not isinstance(value, tuple):
                raise self._wrong(value)
            values = tuple(dict.fromkeys(self._keyword(each) for each in cast("tuple[object, ...]", value)))
            if len(values) > MOST_VALUES:
                what = f"attribute {self.name} has {len(values):,} values; the limit is {MOST_VALUES}"
                raise AttributeInvalid(what, remedy="keep what runs are found by, and the rest in their input")
            return values
        return (self._one(value),)

    def _one(self, value: Any) -> Stored:
        match self.kind:
            case Kind.BOOL if isinstance(value, bool):
                return int(value)
            case Kind.INT if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
                return value
            case Kind.DOUBLE if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
                return float(value)
            case Kind.DATETIME if isinstance(value, datetime) and value.tzinfo is not None:
                return (value - EPOCH) // MICROSECOND
            case Kind.KEYWORD if isinstance(value, self.type):
                return self._keyword(value.value if isinstance(value, Enum) else value)
            case _:
                raise self._wrong(value)

    def _keyword(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(value)
        if len(value) > MOST_CHARACTERS:
            what = f"attribute {self.name} has {len(value):,} characters; the limit is {MOST_CHARACTERS}"
            raise AttributeInvalid(what, remedy="keep what runs are found by, and the rest in their input")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise self._wrong(value)
        return str(value)

    def _wrong(self, value: object) -> AttributeInvalid:
        what = f"attribute {self.name} is declared as {_label(self.type)} and was given {value!r}"
        return AttributeInvalid(what, remedy=_REMEDIES.get(self.kind, ""))

    def __repr__(self) -> str:
        return f"<attribute {self.name}>"


_REMEDIES = {
    Kind.INT: "give a whole number of at most 64 bits",
    Kind.DOUBLE: "give a finite number",
    Kind.DATETIME: "give a datetime with its time zone",
    Kind.KEYWORD_LIST: "give a tuple of texts",
}


def _is_finite(value: float) -> bool:
    return abs(value) <= LARGEST if isinstance(value, int) else math.isfinite(value)


def _label(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)


def _kind_of(name: str, kind: Any) -> Kind:
    if not 0 < len(name) <= MOST_CHARACTERS or not name.isprintable() or "`" in name:
        what = f"an attribute cannot be called {name!r}"
        raise AttributeInvalid(
            what, remedy=f"use 1 to {MOST_CHARACTERS} characters that can be printed, and no backtick"
        )
    if name.lower() in {each.lower() for each in FIELDS}:
        what = f"{name!r} is what every run has already"
        raise AttributeInvalid(what, remedy="give the attribute another name")
    if isinstance(kind, type) and issubclass(kind, Enum) and all(isinstance(each.value, str) for each in kind):
        return Kind.KEYWORD
    if get_origin(kind) is tuple:
        kind = tuple[get_args(kind)]
    found = _KINDS.get(kind)
    if found is None:
        what = f"attribute {name} cannot be of type {_label(kind)}"
        remedy = "use str, int, float, bool, datetime, an enum of texts, or tuple[str, ...]"
        raise AttributeInvalid(what, remedy=remedy)
    return found


def shown_value(kind: int, values: Sequence[Stored]) -> object:
    """Return what programs read of an attribute's values: times as ISO 8601."""
    match Kind(kind):
        case Kind.BOOL:
            return bool(values[0])
        case Kind.DATETIME:
            return (EPOCH + int(values[0]) * MICROSECOND).astimezone(UTC).isoformat()
        case Kind.KEYWORD_LIST:
            return list(values)
        case _:
            return values[0]


def check_attributes(attributes: Attributes) -> None:
    """Raise if a run cannot be started with these.

    Raises:
        AttributeInvalid: one is given twice, or there are too many.
    """
    if len({each.name for each in attributes}) < len(attributes):
        what = f"an attribute is given twice: {', '.join(each.name for each in attributes)}"
        raise AttributeInvalid(what, remedy="give each once; use tuple[str, ...] for one with several values")
    if len(attributes) > MOST_VALUES:
        what = f"a run has at most {MOST_VALUES} attributes, and {len(attributes):,} are given"
        raise AttributeInvalid(what, remedy="keep what runs are found by, and the rest in their input")


def shown_values(attributes: Mapping[str, tuple[int, tuple[Stored, ...]]]) -> dict[str, object]:
    """Return attributes by name as programs read them."""
    return {name: shown_value(kind, values) for name, (kind, values) in attributes.items()}
