"""A query for runs as Temporal's list filter; what a list filter cannot say is refused with its column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import assert_never

from weft.clock import EPOCH
from weft.errors import QueryInvalid
from weft.model.query.binding import Bound, Either, Every, Field, Holds, Opposite, Plain, Question, bind
from weft.model.query.fields import FIELDS, Sort
from weft.model.query.mistakes import mistake
from weft.model.query.tree import (
    And,
    Compare,
    Condition,
    IsNull,
    Name,
    Not,
    OneOf,
    Or,
    Query,
    StartsWith,
    Text,
    Value,
)
from weft.model.run import RunStatus

UNTOLD = ("waiting", "blocked")
"""Statuses that only a run's code can tell: Temporal says `Running` of both."""

_STATUS: Mapping[RunStatus, str] = {
    RunStatus.RUNNING: "(ExecutionStatus = 'Running' AND (WeftStatus IS NULL OR WeftStatus != 'needs-attention'))",
    RunStatus.NEEDS_ATTENTION: "(ExecutionStatus = 'Running' AND WeftStatus = 'needs-attention')",
    RunStatus.COMPLETED: "ExecutionStatus = 'Completed'",
    RunStatus.FAILED: (
        "(ExecutionStatus IN ('Failed', 'TimedOut') AND (WeftStatus IS NULL OR WeftStatus != 'cancelled'))"
    ),
    RunStatus.CANCELLED: "(ExecutionStatus = 'Canceled' OR (ExecutionStatus = 'Failed' AND WeftStatus = 'cancelled'))",
    RunStatus.TERMINATED: "ExecutionStatus = 'Terminated'",
}
OPEN = frozenset(each for each in RunStatus if each.is_open)
TOLD = (*_STATUS,)
"""The statuses that a list tells apart."""

_COLUMNS = {"workflow": "WorkflowType", "created": "StartTime", "ended": "CloseTime", "tenant": "WeftTenant"}
_ALWAYS = frozenset({"WorkflowType", "WorkflowId", "StartTime"})
"""What every run has; the others may be missing."""

_NOTHING, _ALL = "WorkflowType = ''", "WorkflowType != ''"
_CONTRARY = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_SHOW = "leave it out; `weft runs show WORKFLOW ID --target TARGET` tells it of one run"


def read_question(query: Query, attributes: Mapping[str, Sort], *, now_ms: int) -> Question:
    """Return what a query asks of a Temporal namespace with these attributes.

    Raises:
        QueryInvalid: a field is not known, or Temporal's list filter cannot say this.
    """
    _check(query, attributes)
    return bind(query, attributes, now_ms=now_ms)


def filter_of(question: Question, *, workflows: Iterable[str] = ()) -> str:
    """Return the list filter that means the same; empty for all runs.

    Args:
        question: what is asked.
        workflows: the System's, by which a run's id becomes a Temporal id.
    """
    return _Writer(tuple(workflows) or workflows_of(question.where)).write(question.where)


def workflows_of(where: Bound) -> tuple[str, ...]:
    """Return the workflows of which alone a condition can hold; none where it does not say."""
    if isinstance(where, Every):
        for part in where.parts:
            if found := workflows_of(part):
                return found
    if isinstance(where, Holds) and where.field.name == "workflow" and where.relation in {"=", "in"}:
        return tuple(map(str, where.values))
    return ()


# What cannot be said.


def _check(query: Query, attributes: Mapping[str, Sort]) -> None:
    if query.order is not None:
        what = "Temporal orders its lists by itself: open runs first, then by when they ended"
        raise mistake(query.text, query.order.name.column, what, remedy="leave the order out")
    if query.where is not None:
        for condition in _leaves(query.where):
            _check_leaf(query.text, condition, attributes)


def _leaves(condition: Condition) -> Iterable[Condition]:
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case _:
            yield condition


def _check_leaf(text: str, condition: Condition, attributes: Mapping[str, Sort]) -> None:
    assert not isinstance(condition, (And, Or, Not)), "a leaf joins nothing"
    name = condition.name
    field = FIELDS.get(name.text, (name.text, None))[0]
    if field in {"reason", "generation"} and name.text in FIELDS:
        raise _cannot(text, name, f"Temporal's lists do not know the {field} of a run", remedy=_SHOW)
    if isinstance(condition, StartsWith) and attributes.get(name.text) is Sort.TEXTS:
        raise _cannot(
            text, name, f"{name.text} holds several texts, of which Temporal compares whole ones", remedy="use ="
        )
    if isinstance(condition, Compare) and condition.operator == "!=" and attributes.get(name.text) is Sort.TEXTS:
        what = f"{name.text} holds several texts, of which Temporal does not tell whether one differs"
        raise _cannot(text, name, what, remedy=f"write not ({name.text} = 'x')")
    if isinstance(condition, (StartsWith, IsNull)) and field == "id" and name.text in FIELDS:
        what = "a run's id on Temporal has the workflow's name in front: only whole ids are found"
        raise _cannot(text, name, what, remedy="compare with = or in")
    if isinstance(condition, Compare) and field == "id" and condition.operator not in {"=", "!="}:
        what = "a run's id on Temporal has the workflow's name in front: it has no order of its own"
        raise _cannot(text, name, what, remedy="compare with = or in")
    if field == "status" and name.text in FIELDS:
        for value in _values(condition):
            word = value.value.lower() if isinstance(value, Text) else ""
            if word in UNTOLD:
                what = f"Temporal's lists do not tell {word} runs from running ones"
                raise mistake(text, value.column, what, remedy="write 'running' or 'open'")


def _values(condition: Condition) -> tuple[Value, ...]:
    match condition:
        case Compare(value=value):
            return (value,)
        case OneOf(values=values):
            return values
        case _:
            return ()


def _cannot(text: str, name: Name, what: str, *, remedy: str) -> QueryInvalid:
    return mistake(text, name.column, what, remedy=remedy)


# What can.


class _Writer:
    """One walk over a condition; `not` goes down to the comparisons, which stores of Temporal's agree about."""

    def __init__(self, workflows: tuple[str, ...]) -> None:
        self._workflows = workflows

    def write(self, where: Bound, *, contrary: bool = False) -> str:
        match where:
            case Opposite(part):
                return self.write(part, contrary=not contrary)
            case Every(parts):
                return _joined(("OR" if contrary else "AND"), [self.write(each, contrary=contrary) for each in parts])
            case Either(parts):
                return _joined(("AND" if contrary else "OR"), [self.write(each, contrary=contrary) for each in parts])
            case Holds():
                return self._holds(where, contrary=contrary)
            case _:  # pragma: no cover
                assert_never(where)

    def _holds(self, holds: Holds, *, contrary: bool) -> str:
        field = holds.field
        if field.sort is Sort.STATUS:
            return _statuses(holds, contrary=contrary)
        if field.name == "id" and not field.attribute:
            return self._ids(holds, contrary=contrary)
        column = f"`{field.name}`" if field.attribute else _COLUMNS[field.name]
        if holds.relation == "null":
            if column in _ALWAYS:
                return _ALL if contrary else _NOTHING
            return f"{column} IS NOT NULL" if contrary else f"{column} IS NULL"
        said = _comparison(column, holds, contrary=contrary)
        if column in _ALWAYS:
            return said
        # Stores of Temporal's disagree about `!=` where there is no value: it is said, either way.
        return f"({column} IS NULL OR {said})" if contrary else f"({column} IS NOT NULL AND {said})"

    def _ids(self, holds: Holds, *, contrary: bool) -> str:
        if not self._workflows:
            what = "a run's id on Temporal has the workflow's name in front, and the query does not say which"
            raise QueryInvalid(what, remedy="say it, too: workflow = 'place_order' and id = 'o-1'")
        ids = [f"{workflow}/{each}" for workflow in self._workflows for each in holds.values]
        negative = (holds.relation == "!=") != contrary
        return f"WorkflowId {'NOT IN' if negative else 'IN'} ({', '.join(map(_text, ids))})"


def _joined(word: str, parts: list[str]) -> str:
    said = [each for each in parts if each]
    return said[0] if len(said) == 1 else f"({f' {word} '.join(said)})" if said else ""


def _statuses(holds: Holds, *, contrary: bool) -> str:
    if holds.relation == "null":
        return _ALL if contrary else _NOTHING
    meant = {RunStatus(int(each)) for each in holds.values}
    if contrary:
        meant = set(RunStatus) - meant
    if meant >= OPEN:
        rest = [_STATUS[each] for each in sorted(meant - OPEN)]
        return _joined("OR", ["ExecutionStatus = 'Running'", *rest])
    return _joined("OR", [_STATUS[each] for each in sorted(meant) if each in _STATUS]) or _NOTHING


def _comparison(column: str, holds: Holds, *, contrary: bool) -> str:
    relation, field = holds.relation, holds.field
    if field.sort in {Sort.TIME, Sort.INSTANT}:
        return _time(column, holds, contrary=contrary)
    values = [_literal(field, each) for each in holds.values]
    match relation:
        case "in":
            return f"{column} {'NOT IN' if contrary else 'IN'} ({', '.join(values)})"
        case "between":
            low, high = values
            return f"{column} {'NOT BETWEEN' if contrary else 'BETWEEN'} {low} AND {high}"
        case "starts":
            return f"{column} {'NOT STARTS_WITH' if contrary else 'STARTS_WITH'} {values[0]}"
        case "null":
            return _NOTHING
        case _:
            return f"{column} {_CONTRARY[relation] if contrary else relation} {values[0]}"


def _time(column: str, holds: Holds, *, contrary: bool) -> str:
    """Compare a time as a range, never as an equal one.

    Temporal keeps more digits than a run's time has. And with SQLite behind it the server compares times as texts, of
    which the one has more zeros than the other: only what lies between two digits is told right.
    """
    relation = holds.relation
    unit_us = 1_000 if holds.field.sort is Sort.TIME else 1
    lows = [_instant(int(each) * unit_us) for each in holds.values]
    highs = [_instant((int(each) + 1) * unit_us) for each in holds.values]
    if relation == "in":
        parts = [_range(column, *each, outside=contrary) for each in zip(lows, highs, strict=True)]
        return _joined("AND" if contrary else "OR", parts)
    if relation in {"=", "!=", "between"}:
        return _range(column, lows[0], highs[-1], outside=(relation == "!=") != contrary)
    said = _CONTRARY[relation] if contrary else relation
    return {
        "<": f"{column} < {lows[0]}",
        "<=": f"{column} < {highs[0]}",
        ">": f"{column} >= {highs[0]}",
        ">=": f"{column} >= {lows[0]}",
    }[said]


def _range(column: str, low: str, high: str, *, outside: bool) -> str:
    return f"({column} < {low} OR {column} >= {high})" if outside else f"({column} >= {low} AND {column} < {high})"


def _literal(field: Field, value: Plain) -> str:
    match field.sort:
        case Sort.TRUTH:
            return "true" if value else "false"
        case Sort.WHOLE | Sort.NUMBER:
            return repr(value)
        case _:
            return _text(str(value))


def _instant(at_us: int) -> str:
    at = EPOCH + timedelta(microseconds=at_us)
    return f"'{at.isoformat(timespec='microseconds').replace('+00:00', 'Z')}'"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
