"""What a query says, as a tree; columns of the text are kept for messages and are no part of what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

OPERATORS: tuple[Operator, ...] = ("=", "!=", "<=", ">=", "<", ">")


@dataclass(frozen=True, slots=True)
class Name:
    """A field, by the name that was written."""

    text: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes; also a moment in ISO 8601, where the field is a time."""

    value: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number; a whole one is an int."""

    value: int | float
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as milliseconds from now: `-2h`, `+30m`, `now`."""

    offset_ms: int
    column: int = field(default=0, compare=False)


Value: TypeAlias = Text | Number | Truth | Moment


@dataclass(frozen=True, slots=True)
class Compare:
    """A field beside one value."""

    name: Name
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field that has one of several values: `in`."""

    name: Name
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A field from one value to another, both included."""

    name: Name
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class StartsWith:
    """A text that begins with another."""

    name: Name
    prefix: Text


@dataclass(frozen=True, slots=True)
class IsNull:
    """A field without a value."""

    name: Name


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    parts: tuple[Condition, ...]


Leaf: TypeAlias = Compare | OneOf | Between | StartsWith | IsNull
Condition: TypeAlias = Leaf | Not | And | Or


@dataclass(frozen=True, slots=True)
class Order:
    """By which field the answers are ordered."""

    name: Name
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which runs are wanted, and in which order; nothing for all, and for the newest first.

    Attributes:
        where: what must hold.
        order: the order.
        text: what was written, for messages.
    """

    where: Condition | None = None
    order: Order | None = None
    text: str = field(default="", compare=False)
