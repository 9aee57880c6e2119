"""Reads a query, word by word; every mistake is told with its column."""

from __future__ import annotations

import math
from collections.abc import Callable

from weft.errors import QueryInvalid
from weft.model.query.mistakes import mistake
from weft.model.query.tokens import END, LONGEST_MS, Token, offset_of, tokens_of
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
    Operator,
    Or,
    Order,
    Query,
    StartsWith,
    Text,
    Truth,
    Value,
)

DEEPEST = 32
"""How deep parentheses and `not` may be nested."""

MOST_TERMS = 200
"""Comparisons, and values in lists, of one query."""

LARGEST = 2**63 - 1
"""The largest whole number that a store can hold."""

RESERVED = frozenset(
    {"and", "or", "not", "in", "between", "like", "is", "null", "order", "by", "asc", "desc", "true", "false", "now",
     "starts_with", "starts", "with"}
)  # fmt: skip
"""Words that name no field, unless in backticks."""

_SIGNS: dict[str, Operator] = {**{each: each for each in OPERATORS}, "<>": "!=", "==": "="}
_COMPARE = "write =, !=, <, <=, >, >=, in, not in, between, starts_with or is null"


def parse(text: str) -> Query:
    """Return what a text asks for.

    Raises:
        QueryInvalid: it cannot be read; the error points at the column.
    """
    return _Parser(text).query()


class _Parser:
    """One walk over the words."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0
        self._terms = 0

    def query(self) -> Query:
        where = None
        if self._token.kind != END and not self._is_word("order"):
            where = self._either()
        order = self._order() if self._is_word("order") else None
        if self._token.kind != END:
            raise self._wrong("nothing may follow here", remedy="join conditions with `and` or `or`")
        return Query(where, order, self._text)

    # Conditions, from the loosest to the tightest.

    def _either(self) -> Condition:
        return self._joined("or", self._all_of, Or)

    def _all_of(self) -> Condition:
        return self._joined("and", self._one, And)

    def _joined(self, word: str, part: Callable[[], Condition], join: type[And | Or]) -> Condition:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _one(self) -> Condition:
        opening = self._token
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"this is nested deeper than {DEEPEST}", remedy="join with `and` and `or` side by side")
        if self._takes("not"):
            found: Condition = Not(self._one())
        elif self._takes_sign("("):
            found = self._either()
            if not self._takes_sign(")"):
                raise self._wrong(f"the parenthesis of column {opening.column + 1} is not closed", remedy="write )")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        name = self._name()
        self._count()
        if self._takes("is"):
            negated = self._takes("not")
            if not self._takes("null"):
                raise self._wrong("`is` is followed by null or not null", remedy=f"write {name.text} is null")
            return Not(IsNull(name)) if negated else IsNull(name)
        sign = self._token.text if self._token.kind == "sign" else ""
        if sign in _SIGNS:
            self._at += 1
            return Compare(name, _SIGNS[sign], self._value())
        negated = self._takes("not")
        found = self._worded(name)
        return Not(found) if negated else found

    def _worded(self, name: Name) -> Condition:
        if self._takes("in"):
            return OneOf(name, self._values())
        if self._takes("between"):
            low = self._value()
            if not self._takes("and"):
                raise self._wrong("`between` needs `and` and a second value", remedy="write between LOW and HIGH")
            return Between(name, low, self._value())
        if self._takes("starts_with") or (self._takes("starts") and self._takes("with")):
            return StartsWith(name, self._prefix())
        if self._takes("like"):
            return StartsWith(name, self._pattern())
        raise self._wrong(f"a comparison belongs behind {name.text!r}", remedy=_COMPARE)

    def _order(self) -> Order:
        self._at += 1
        if not self._takes("by"):
            raise self._wrong("`order` is followed by `by`", remedy="write order by created desc")
        name = self._name()
        descending = self._takes("desc")
        if not descending:
            self._takes("asc")
        return Order(name, descending)

    # Names and values.

    def _name(self) -> Name:
        token = self._token
        if token.kind == "quoted" or (token.kind == "word" and token.text.lower() not in RESERVED):
            self._at += 1
            return Name(token.text, token.column)
        raise self._wrong("a field belongs here", remedy="begin a condition with a field, as in status = 'failed'")

    def _values(self) -> tuple[Value, ...]:
        if not self._takes_sign("("):
            raise self._wrong("`in` is followed by values in parentheses", remedy="write in ('a', 'b')")
        values = [self._value()]
        while self._takes_sign(","):
            self._count()
            values.append(self._value())
        if not self._takes_sign(")"):
            raise self._wrong("a list of values ends with a parenthesis", remedy="write , and a value, or )")
        return tuple(values)

    def _value(self) -> Value:
        token = self._token
        value = self._read(token)
        if value is None:
            word = token.text.lower()
            remedy = "compare with null by `is null`" if word == "null" else "write 'text', 12, 0.5, true, -2h or now"
            raise self._wrong("a value belongs here", remedy=remedy)
        self._at += 1
        return value

    def _read(self, token: Token) -> Value | None:
        match token.kind, token.text.lower():
            case "text", _:
                return Text(token.text, token.column)
            case "number", _:
                return Number(self._number(token), token.column)
            case "moment", _:
                offset_ms = offset_of(token.text)
                if abs(offset_ms) > LONGEST_MS:
                    raise self._wrong("this is more than two hundred years away", remedy="write a nearer time")
                return Moment(offset_ms, token.column)
            case "word", "now":
                return Moment(0, token.column)
            case "word", ("true" | "false") as said:
                return Truth(said == "true", token.column)
            case _:
                return None

    def _number(self, token: Token) -> int | float:
        try:
            value = int(token.text) if token.text.lstrip("+-").isdigit() else float(token.text)
        except ValueError:  # Python reads at most some thousand digits
            value = LARGEST + 1
        if abs(value) > LARGEST and (isinstance(value, int) or math.isinf(value)):
            raise self._wrong("the number is too large", remedy=f"write one up to {LARGEST}")
        return value

    def _prefix(self) -> Text:
        value = self._value()
        if not isinstance(value, Text):
            raise mistake(self._text, value.column, "`starts_with` needs a text", remedy="write starts_with 'o-'")
        return value

    def _pattern(self) -> Text:
        value = self._value()
        pattern = value.value if isinstance(value, Text) else ""
        if not isinstance(value, Text) or not pattern.endswith("%") or set("%_") & set(pattern[:-1]):
            what = "`like` looks for beginnings only: one % at the end of a text, and no _"
            raise mistake(self._text, value.column, what, remedy="write like 'o-%', or starts_with 'o_'")
        return Text(pattern[:-1], value.column)

    # Words.

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is_word(self, word: str) -> bool:
        return self._token.kind == "word" and self._token.text.lower() == word

    def _takes(self, word: str) -> bool:
        found = self._is_word(word)
        self._at += found
        return found

    def _takes_sign(self, sign: str) -> bool:
        found = self._token.kind == "sign" and self._token.text == sign
        self._at += found
        return found

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._wrong(f"the query has more than {MOST_TERMS} terms", remedy="ask in several queries")

    def _wrong(self, what: str, *, remedy: str) -> QueryInvalid:
        token = self._token
        if token.kind == END:
            what = f"{what}, and the query ends"
        return mistake(self._text, token.column, what, remedy=remedy)
