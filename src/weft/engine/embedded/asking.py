"""A question as SQL: what must hold of a row of runs, with every value as a parameter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from weft.model.query.binding import Bound, Either, Every, Holds, Plain

Values: TypeAlias = tuple[Plain, ...]

FIRST_HALF, AFTER_HALVES = 0xD800, 0xE000
"""Between these lie the halves of characters, which are in no text that can be stored."""

_COLUMNS = {
    "id": "runs.run_id",
    "status": "runs.status",
    "tenant": "runs.tenant",
    "created": "runs.created_ms",
    "ended": "runs.ended_ms",
    "reason": "runs.reason",
    "generation": "runs.generation",
}
_EMPTY_IS_NULL = frozenset({"tenant", "reason"})
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda text, value: text == value,
    "!=": lambda text, value: text != value,
    "<": lambda text, value: text < value,
    "<=": lambda text, value: text <= value,
    ">": lambda text, value: text > value,
    ">=": lambda text, value: text >= value,
    "starts": lambda text, value: text.startswith(value),
}


@dataclass(frozen=True, slots=True)
class Names:
    """The numbers under which a store knows names.

    Attributes:
        workflows: names by number.
        attributes: numbers by name, of the newest of each name.
    """

    workflows: Mapping[int, str]
    attributes: Mapping[str, int]


def condition(bound: Bound, names: Names) -> tuple[str, Values]:
    """Return what must hold of a row of `runs`, as SQL that is 0 or 1 and never null."""
    match bound:
        case Every(parts) | Either(parts):
            if not parts:
                return ("1" if isinstance(bound, Every) else "0"), ()
            found = [condition(part, names) for part in parts]
            word = " AND " if isinstance(bound, Every) else " OR "
            return f"({word.join(sql for sql, _ in found)})", tuple(value for _, values in found for value in values)
        case Holds():
            return _holds(bound, names)
        case _:
            sql, values = condition(bound.part, names)
            return f"NOT {sql}", values


def _holds(test: Holds, names: Names) -> tuple[str, Values]:
    if test.field.attribute:
        return _attribute(test, names.attributes.get(test.field.name, 0))
    if test.field.name == "workflow":
        numbers = workflows_where(test, names)
        return f"runs.workflow IN ({_marks(numbers)})", numbers
    column = _COLUMNS[test.field.name]
    missing = f"{column} = ''" if test.field.name in _EMPTY_IS_NULL else f"{column} IS NULL"
    if test.relation == "null":
        return f"({missing})", ()
    sql, values = relation(column, test)
    return f"(NOT {missing} AND {sql})", values


def workflows_where(test: Holds, names: Names) -> tuple[int, ...]:
    """Return the workflows of which something holds; there are few, so it is looked at here."""
    return tuple(number for number, name in names.workflows.items() if text_holds(test, name))


def text_holds(test: Holds, text: str) -> bool:
    """Tell whether something holds of a text that is there."""
    values = [str(value) for value in test.values]
    match test.relation:
        case "null":
            return False
        case "in":
            return text in values
        case "between":
            return values[0] <= text <= values[1]
        case relation:
            return _TESTS[relation](text, values[0])


def _attribute(test: Holds, number: int) -> tuple[str, Values]:
    has = "EXISTS (SELECT 1 FROM attributes AS a WHERE a.run = runs.key AND a.name = ?{})"
    match test.relation:
        case "null":
            return f"NOT {has.format('')}", (number,)
        case "!=":  # of several values none may be equal
            return f"({has.format('')} AND NOT {has.format(' AND a.value = ?')})", (number, number, *test.values)
        case _:
            sql, values = relation("a.value", test)
            return has.format(f" AND {sql}"), (number, *values)


def relation(column: str, test: Holds) -> tuple[str, Values]:
    """Return a relation of a column that has a value: one that an index over it can follow, where it can."""
    match test.relation:
        case "in":
            return f"{column} IN ({_marks(test.values)})", test.values
        case "between":
            return f"{column} BETWEEN ? AND ?", test.values
        case "starts":
            prefix = str(test.values[0])
            end = after_prefix(prefix)
            # By order, not by substr: that stops at the first zero byte of a text.
            return (
                (f"{column} >= ?", (prefix,)) if end is None else (f"({column} >= ? AND {column} < ?)", (prefix, end))
            )
        case operator:
            return f"{column} {operator.replace('!=', '<>')} ?", test.values


def after_prefix(prefix: str) -> str | None:
    """Return the first text after all those that begin so; nothing where there is none."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= sys.maxunicode:
            return prefix[:-1] + chr(AFTER_HALVES if last == FIRST_HALF else last)
        prefix = prefix[:-1]
    return None


def _marks(values: tuple[object, ...]) -> str:
    return ", ".join("?" * len(values))
