"""Writes a query as text: what is parsed from it says the same."""

from __future__ import annotations

import re

from weft.model.query.parser import RESERVED
from weft.model.query.tokens import UNITS_MS
from weft.model.query.tree import (
    And,
    Between,
    Compare,
    Condition,
    IsNull,
    Moment,
    Name,
    Not,
    Number,
    OneOf,
    Or,
    Query,
    StartsWith,
    Text,
    Truth,
    Value,
)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def render(query: Query) -> str:
    """Return a query as text."""
    parts = [] if query.where is None else [_condition(query.where)]
    if query.order is not None:
        parts.append(f"order by {_name(query.order.name)} {'desc' if query.order.descending else 'asc'}")
    return " ".join(parts)


def _condition(condition: Condition) -> str:
    match condition:
        case And(parts):
            return " and ".join(_within(each) for each in parts)
        case Or(parts):
            return " or ".join(_within(each) for each in parts)
        case Not(part):
            return f"not {_within(part)}"
        case Compare(name, operator, value):
            return f"{_name(name)} {operator} {_value(value)}"
        case OneOf(name, values):
            return f"{_name(name)} in ({', '.join(map(_value, values))})"
        case Between(name, low, high):
            return f"{_name(name)} between {_value(low)} and {_value(high)}"
        case StartsWith(name, prefix):
            return f"{_name(name)} starts_with {_value(prefix)}"
        case IsNull(name):
            return f"{_name(name)} is null"


def _within(condition: Condition) -> str:
    text = _condition(condition)
    return f"({text})" if isinstance(condition, And | Or) else text


def _name(name: Name) -> str:
    plain = _PLAIN.fullmatch(name.text) is not None and name.text.lower() not in RESERVED
    return name.text if plain else f"`{name.text}`"


def _value(value: Value) -> str:
    match value:
        case Text(text):
            return "'" + text.replace("'", "''") + "'"
        case Number(number):
            return repr(number)
        case Truth(truth):
            return "true" if truth else "false"
        case Moment(0):
            return "now"
        case Moment(offset_ms):
            unit = next(name for name in ("w", "d", "h", "m", "s", "ms") if offset_ms % UNITS_MS[name] == 0)
            return f"{offset_ms // UNITS_MS[unit]:+}{unit}"
