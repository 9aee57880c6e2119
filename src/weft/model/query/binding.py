"""A query with its fields looked up and its values turned into what a store compares."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from weft.clock import EPOCH
from weft.errors import QueryInvalid
from weft.model.query.fields import FIELDS, STATUSES, TEMPORAL_STATUSES, Sort
from weft.model.query.mistakes import mistake
from weft.model.query.parser import parse
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
from weft.model.run import RunStatus

Plain: TypeAlias = str | int | float
Relation: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "between", "starts", "null"]

MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a run, or an attribute of this name."""

    name: str
    sort: Sort
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """A relation between a field and values; of a field without a value nothing but `null` is true."""

    field: Field
    relation: Relation
    values: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; of none it is true."""

    parts: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any of them."""

    parts: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """Not this."""

    part: Bound


Bound: TypeAlias = Holds | Every | Either | Opposite

ORDERS = ("created", "ended")
"""By what answers can be ordered: what an index can walk along."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a store is asked.

    Attributes:
        where: what must hold.
        by_ended: ordered by when they ended, which leaves open runs out; else by when they were created.
        descending: the newest first.
        now_ms: the time that times in the query are counted from.
    """

    where: Bound
    by_ended: bool
    descending: bool
    now_ms: int


def ask(text: str, attributes: Mapping[str, Sort], *, now_ms: int) -> Question:
    """Return what a text asks of a store with these attributes.

    Raises:
        QueryInvalid: it cannot be read, or compares what cannot be compared.
    """
    return bind(parse(text), attributes, now_ms=now_ms)


def bind(query: Query, attributes: Mapping[str, Sort], *, now_ms: int) -> Question:
    """Look up the fields of a query and turn its values into those of a store.

    Raises:
        QueryInvalid: a field is not known, or cannot be compared so.
    """
    binder = _Binder(query.text, attributes, now_ms)
    where = Every(()) if query.where is None else binder.condition(query.where)
    if query.order is None:
        return Question(where, by_ended=False, descending=True, now_ms=now_ms)
    ended = binder.order(query.order.name) == "ended"
    if ended:
        where = Every((where, Opposite(Holds(Field("ended", Sort.TIME), "null"))))
    return Question(where, by_ended=ended, descending=query.order.descending, now_ms=now_ms)


class _Binder:
    """One walk over a query."""

    def __init__(self, text: str, attributes: Mapping[str, Sort], now_ms: int) -> None:
        self._text = text
        self._attributes = attributes
        self._now_ms = now_ms

    def condition(self, condition: Condition) -> Bound:
        match condition:
            case And(parts):
                return Every(tuple(map(self.condition, parts)))
            case Or(parts):
                return Either(tuple(map(self.condition, parts)))
            case Not(part):
                return Opposite(self.condition(part))
            case IsNull(name):
                return Holds(self.field(name), "null")
            case Compare(name, operator, value):
                return self._compare(name, operator, value)
            case OneOf(name, values):
                field = self.field(name)
                if field.sort is Sort.STATUS:
                    return self._statuses(name, field, values)
                return Holds(field, "in", tuple(dict.fromkeys(self._plain(field, each) for each in values)))
            case Between(name, low, high):
                field = self._ordered(name, "between")
                return Holds(field, "between", (self._plain(field, low), self._plain(field, high)))
            case StartsWith(name, prefix):
                field = self.field(name)
                if field.sort not in {Sort.TEXT, Sort.TEXTS}:
                    raise self._wrong(name, f"{field.name} is no text, so it does not start with one", "compare with =")
                return Holds(field, "starts", (prefix.value,))

    def order(self, name: Name) -> str:
        field = self.field(name)
        if field.attribute or field.name not in ORDERS:
            what = f"runs are not kept in the order of {field.name}"
            raise self._wrong(name, what, "order by created or by ended")
        return field.name

    def field(self, name: Name) -> Field:
        known = FIELDS.get(name.text)
        if known is not None:
            return Field(*known)
        sort = self._attributes.get(name.text)
        if sort is not None:
            return Field(name.text, sort, attribute=True)
        names = [*FIELDS, *self._attributes]
        near = difflib.get_close_matches(name.text, names, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
        raise self._wrong(name, f"there is no field {name.text!r}, and no run has an attribute of this name", remedy)

    def _compare(self, name: Name, operator: Relation, value: Value) -> Bound:
        field = self.field(name)
        if field.sort is Sort.STATUS:
            if operator not in {"=", "!="}:
                raise self._wrong(
                    name, "a status is not before or after another", "compare it with =, !=, in or not in"
                )
            found = self._statuses(name, field, (value,))
            return Opposite(found) if operator == "!=" else found
        if operator not in {"=", "!="}:
            field = self._ordered(name, operator)
        return Holds(field, operator, (self._plain(field, value),))

    def _ordered(self, name: Name, operator: str) -> Field:
        field = self.field(name)
        if field.sort in {Sort.STATUS, Sort.TEXTS, Sort.TRUTH}:
            raise self._wrong(
                name, f"{field.name} holds {field.sort.value}: {operator} says nothing of it", "compare with ="
            )
        return field

    def _statuses(self, name: Name, field: Field, values: tuple[Value, ...]) -> Bound:
        words = TEMPORAL_STATUSES if name.text == "ExecutionStatus" else STATUSES
        found: set[RunStatus] = set()
        for value in values:
            word = value.value.lower() if isinstance(value, Text) else ""
            plain = word.replace(" ", "").replace("-", "").replace("_", "")
            if plain not in words:
                said = ", ".join(repr(each) for each in _shown(words))
                raise mistake(self._text, value.column, "this is no status", remedy=f"write one of {said}")
            found |= words[plain]
        return Holds(field, "in", tuple(sorted(map(int, found))))

    def _plain(self, field: Field, value: Value) -> Plain:
        match field.sort, value:
            case ((Sort.TEXT | Sort.TEXTS), Text(text)):
                return text
            case Sort.WHOLE, Number(int() as whole):
                return whole
            case Sort.NUMBER, Number(number):
                return float(number)
            case Sort.TRUTH, Truth(truth):
                return int(truth)
            case Sort.TIME, Moment(offset_ms):
                return self._now_ms + offset_ms
            case Sort.INSTANT, Moment(offset_ms):
                return (self._now_ms + offset_ms) * 1_000
            case ((Sort.TIME | Sort.INSTANT), Text(text)):
                passed = self._instant(text, value.column) - EPOCH
                return passed // (MILLISECOND if field.sort is Sort.TIME else MICROSECOND)
            case _:
                what = f"{field.name} holds {_HOLDS[field.sort]}, and this is none"
                raise mistake(self._text, value.column, what, remedy=_EXAMPLES[field.sort])

    def _instant(self, text: str, column: int) -> datetime:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            what = f"{text!r} is no time with its zone"
            raise mistake(self._text, column, what, remedy="write '2026-03-01T09:12:44Z', or -2h")
        return found

    def _wrong(self, name: Name, what: str, remedy: str) -> QueryInvalid:
        return mistake(self._text, name.column, what, remedy=remedy)


_HOLDS = {
    Sort.TEXT: "a text",
    Sort.TEXTS: "texts",
    Sort.WHOLE: "a whole number",
    Sort.NUMBER: "a number",
    Sort.TRUTH: "true or false",
    Sort.TIME: "a time",
    Sort.INSTANT: "a time",
    Sort.STATUS: "a status",
}
_EXAMPLES = {
    Sort.TEXT: "put it into quotes: 'eu'",
    Sort.TEXTS: "put it into quotes: 'eu'",
    Sort.WHOLE: "write a number without a point: 12",
    Sort.NUMBER: "write a number: 0.5",
    Sort.TRUTH: "write true or false",
    Sort.TIME: "write -2h, now, or '2026-03-01T09:12:44Z'",
    Sort.INSTANT: "write -2h, now, or '2026-03-01T09:12:44Z'",
    Sort.STATUS: "write 'failed'",
}


def _shown(words: Mapping[str, object]) -> list[str]:
    return ["needs-attention" if each == "needsattention" else each for each in words]
