"""Attributes: what a run is found by, as values that are kept and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from enum import IntEnum
from typing import TypeAlias

import msgspec

from weft.clock import EPOCH
from weft.errors import AttributeInvalid

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


class Attributed(msgspec.Struct, frozen=True, array_like=True, gc=False):
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


def shown_value(kind: int, values: Sequence[Stored]) -> object:
    """Return what programs read of an attribute's values: times as ISO 8601, nothing for no value."""
    match Kind(kind):
        case Kind.KEYWORD_LIST:
            return list(values)
        case _ if not values:
            return None
        case Kind.BOOL:
            return bool(values[0])
        case Kind.DATETIME:
            return (EPOCH + int(values[0]) * MICROSECOND).astimezone(UTC).isoformat()
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
