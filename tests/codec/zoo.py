"""A zoo of types for the codec's laws: each kind is a type and a strategy for its values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import msgspec
from hypothesis import strategies as st


class Color(Enum):
    """An enum of strings."""

    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    """An enum of ints."""

    SMALL = 1
    LARGE = 2


OrderId = NewType("OrderId", str)
Count = NewType("Count", int)


@dataclass(frozen=True)
class Kind:
    """A type that travels, and how to draw its values."""

    hint: Any
    values: st.SearchStrategy[Any]


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
decimals = st.decimals(allow_nan=False, allow_infinity=False)
finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=5)

PLAIN = [
    Kind(None, st.none()),
    Kind(bool, st.booleans()),
    Kind(int, st.integers()),
    Kind(float, finite),
    Kind(str, texts),
    Kind(bytes, st.binary(max_size=5)),
    Kind(Decimal, decimals),
    Kind(UUID, st.uuids()),
    Kind(date, st.dates()),
    Kind(datetime, st.datetimes(timezones=offsets)),
    Kind(timedelta, st.timedeltas()),
    Kind(Color, st.sampled_from(Color)),
    Kind(Size, st.sampled_from(Size)),
    Kind(OrderId, texts),
    Kind(Literal["a", "b"], st.sampled_from(["a", "b"])),
    Kind(Literal[1, 2] | None, st.sampled_from([1, 2, None])),
    Kind(Annotated[int, msgspec.Meta(ge=0)], st.integers(0, 2**70)),
    Kind(int | float, st.integers() | finite),
    Kind(Decimal | int | None, decimals | st.integers() | st.none()),
]

KEYS = [
    Kind(str, texts),
    Kind(int, st.integers()),
    Kind(Color, st.sampled_from(Color)),
    Kind(Size, st.sampled_from(Size)),
    Kind(OrderId, texts),
    Kind(Count, st.integers()),
]


def list_of(item: Kind) -> Kind:
    """Return the kind of lists."""
    return Kind(list[item.hint], st.lists(item.values, max_size=3))


def tuple_of(item: Kind) -> Kind:
    """Return the kind of tuples of any length."""
    return Kind(tuple[item.hint, ...], st.lists(item.values, max_size=3).map(tuple))


def pair_of(items: tuple[Kind, Kind]) -> Kind:
    """Return the kind of tuples of two."""
    return Kind(tuple[items[0].hint, items[1].hint], st.tuples(items[0].values, items[1].values))


def dict_of(key: Kind, item: Kind) -> Kind:
    """Return the kind of dicts."""
    return Kind(dict[key.hint, item.hint], st.dictionaries(key.values, item.values, max_size=3))


def optional(item: Kind) -> Kind:
    """Return the kind of a value or None."""
    return Kind(item.hint if item.hint is None else item.hint | None, st.none() | item.values)


def record_of(fields: list[Kind], *, name: str = "Record", slots: bool = True) -> Kind:
    """Return the kind of a frozen dataclass with these fields."""
    named = [(f"field_{index}", kind.hint) for index, kind in enumerate(fields)]
    cls = dataclasses.make_dataclass(name, named, frozen=True, slots=slots)
    return Kind(cls, st.builds(cls, *(kind.values for kind in fields)))


def struct_of(fields: list[Kind], *, name: str = "Packed") -> Kind:
    """Return the kind of a msgspec Struct with these fields."""
    named = [(f"field_{index}", kind.hint) for index, kind in enumerate(fields)]
    cls = msgspec.defstruct(name, named, frozen=True)
    return Kind(cls, st.builds(cls, *(kind.values for kind in fields)))


def union_of(fields: list[list[Kind]]) -> Kind:
    """Return the kind of a union of record classes, tagged by their names, or None."""
    makers = [record_of, struct_of]
    members = [makers[index % 2](each, name=f"Member{index}") for index, each in enumerate(fields)]
    hint: Any = None
    for member in members:
        hint = member.hint | hint
    return Kind(hint, st.one_of(st.none(), *(member.values for member in members)))


def wider(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    """Draw containers and records of inner kinds."""
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        inner.map(list_of),
        inner.map(tuple_of),
        st.tuples(inner, inner).map(pair_of),
        st.builds(dict_of, st.sampled_from(KEYS), inner),
        inner.map(optional),
        st.builds(record_of, several, slots=st.booleans()),
        several.map(struct_of),
        st.lists(several, min_size=2, max_size=3).map(union_of),
    )


kinds = st.recursive(st.sampled_from(PLAIN), wider, max_leaves=6)
records = st.builds(record_of, st.lists(kinds, min_size=1, max_size=3))


def _in_record(hint: object) -> Any:
    return dataclasses.make_dataclass("Holder", [("held", hint)], frozen=True)


WRAPPERS: list[tuple[str, Callable[[Any], Any], Callable[[Any, Any], Any], str]] = [
    ("list", lambda hint: list[hint], lambda _, value: [value], "[0]"),
    ("tuple", lambda hint: tuple[hint, ...], lambda _, value: (value,), "[0]"),
    ("pair", lambda hint: tuple[str, hint], lambda _, value: ("", value), "[1]"),
    ("dict by str", lambda hint: dict[str, hint], lambda _, value: {"k": value}, "['k']"),
    ("dict by int", lambda hint: dict[int, hint], lambda _, value: {7: value}, "[7]"),
    ("record", _in_record, lambda hint, value: hint(value), ".held"),
    ("optional", lambda hint: hint | None, lambda _, value: value, ""),
]
"""Ways to put a type, and a value of it, inside another: name, type, value, and what the path gains."""

wrappings = st.lists(st.sampled_from(WRAPPERS), max_size=4)


def wrap(hint: Any, value: Any, wrapping: list[Any]) -> tuple[Any, Any, str]:
    """Put a type and a value inside others; return both and the path of the value."""
    path = ""
    for _, outer, put, step in wrapping:
        outside = outer(hint)
        value = put(outside, value)
        hint, path = outside, step + path
    return hint, value, path.removeprefix(".")
