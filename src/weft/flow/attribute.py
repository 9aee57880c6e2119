"""Attributes: typed, indexed values that a run is started with or sets, and by which runs are found."""

from __future__ import annotations

import math
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

from weft.clock import EPOCH
from weft.errors import AttributeInvalid
from weft.flow.ambient import running
from weft.model.attribute import MICROSECOND, MOST_CHARACTERS, MOST_VALUES, Attributed, Kind, Stored
from weft.model.query.fields import FIELDS
from weft.model.query.parser import LARGEST

V = TypeVar("V")

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

    def set(self, value: V) -> None:
        """Let the run that is executing be found by a value, once this step of it is on disk.

        It stays over all generations of the run, until it is set again or cleared.

        Raises:
            AttributeInvalid: the value is not of the declared type, or is over a limit.
            OutsideRun: no run is executing here.
        """
        running("Attribute.set").set_attribute(self.of(value))

    def clear(self) -> None:
        """Let the run that is executing have no value any more, once this step of it is on disk.

        Raises:
            OutsideRun: no run is executing here.
        """
        running("Attribute.clear").set_attribute(Attributed(self.name, int(self.kind), ()))

    def of(self, value: V) -> Attributed:
        """Return the attribute with a value, to start a run with.

        Raises:
            AttributeInvalid: the value is not of the declared type, or is over a limit.
        """
        return Attributed(self.name, int(self.kind), self._stored(value))

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
