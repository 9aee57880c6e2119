"""Random queries, and what they mean, told by a reader who knows no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from weft.model.query.binding import Bound, Either, Every, Holds, Opposite
from weft.model.query.tokens import UNITS_MS
from weft.model.query.tree import (
    OPERATORS,
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
    Order,
    Query,
    StartsWith,
    Text,
    Truth,
    Value,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(Text)
NUMBERS = (st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)).map(Number)
MOMENTS = st.builds(
    lambda count, unit: Moment(count * UNITS_MS[unit]), st.integers(-99, 99), st.sampled_from([*UNITS_MS])
)
VALUES: st.SearchStrategy[Value] = TEXTS | NUMBERS | MOMENTS | st.booleans().map(Truth)
NAMES = (
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,7}", fullmatch=True)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`"), min_size=1, max_size=8)
).map(Name)

LEAVES: st.SearchStrategy[Condition] = (
    st.builds(Compare, NAMES, st.sampled_from(OPERATORS), VALUES)
    | st.builds(OneOf, NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple))
    | st.builds(Between, NAMES, VALUES, VALUES)
    | st.builds(StartsWith, NAMES, TEXTS)
    | st.builds(IsNull, NAMES)
)


def nested(leaves: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Return conditions that are joined and negated in every way."""

    def join(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return inner.map(Not) | several.map(And) | several.map(Or)

    return st.recursive(leaves, join, max_leaves=6)


QUERIES = st.builds(Query, st.none() | nested(LEAVES), st.none() | st.builds(Order, NAMES, st.booleans()))


def meant(bound: Bound, run: Mapping[str, Any]) -> bool:
    """Tell whether something holds of a run: its fields and attributes by name, several values as a tuple."""
    match bound:
        case Every(parts):
            return all(meant(part, run) for part in parts)
        case Either(parts):
            return any(meant(part, run) for part in parts)
        case Opposite(part):
            return not meant(part, run)
        case Holds():
            return _holds(bound, run.get(bound.field.name))


def _holds(test: Holds, value: Any) -> bool:
    if test.relation == "null" or value is None:
        return (test.relation == "null") is (value is None)
    several = value if isinstance(value, tuple) else (value,)
    if test.relation == "!=":
        return all(each != test.values[0] for each in several)
    return any(_related(test, each) for each in several)


def _related(test: Holds, value: Any) -> bool:
    first: Any = test.values[0]
    match test.relation:
        case "=":
            return value == first
        case "<":
            return value < first
        case "<=":
            return value <= first
        case ">":
            return value > first
        case ">=":
            return value >= first
        case "in":
            return value in test.values
        case "between":
            return first <= value <= test.values[1]
        case _:
            return value.startswith(first)
