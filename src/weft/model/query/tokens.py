"""The words of a query, each with the column at which it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from weft.model.query.mistakes import mistake

MOST_CHARACTERS = 10_000
"""The longest text of a query."""

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
"""What a time from now is counted in; months and years have no fixed length."""

LONGEST_MS = 200 * 366 * 86_400_000
"""The furthest that a time from now may lie away: two hundred years."""

_UNIT = "ms|s|m|h|d|w"
_TOKEN = re.compile(
    rf"""
      (?P<space>[ \t\r\n]+)
    | (?P<moment>[+-](?:[0-9]+(?:{_UNIT}))+(?![\w.]))
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<quoted>`[^`]+`)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    | (?P<sign><=|>=|!=|<>|==|[=<>(),])
    """,
    re.VERBOSE,
)
_PART = re.compile(rf"([0-9]+)({_UNIT})")


class Token(NamedTuple):
    """A word, sign or value: what kind it is, what it says, and where it stands."""

    kind: str
    text: str
    column: int


END = "end"


def tokens_of(text: str) -> list[Token]:
    """Return the words of a text, and one for its end.

    Raises:
        QueryInvalid: it is too long, or something in it is no word of the language.
    """
    if len(text) > MOST_CHARACTERS:
        what = f"the query has {len(text):,} characters; the limit is {MOST_CHARACTERS:,}"
        raise mistake(text, MOST_CHARACTERS, what, remedy="ask for less, or in several queries")
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        kind, said = found.lastgroup or "", found.group()
        if kind != "space":
            yield Token(kind, _unquoted(text, at, said) if kind in {"text", "quoted"} else said, at)
        at = found.end()
    yield Token(END, "", len(text))


def _unquoted(text: str, at: int, said: str) -> str:
    quote = said[0]
    inner = said[1:-1].replace(quote * 2, quote)
    for place, character in enumerate(inner):
        if "\ud800" <= character <= "\udfff":
            what = "the text holds half a character"
            raise mistake(text, at + 1 + place, what, remedy="decode its bytes as what they are")
    return inner


def _unreadable(text: str, at: int) -> Exception:
    character = text[at]
    if character in "'\"`":
        return mistake(text, at, "a quote is opened and not closed", remedy=f"close it with {character}")
    if character in "+-0123456789":
        what = "this is neither a number nor a time from now"
        return mistake(text, at, what, remedy="write 12, 0.5, -2h or -1d12h (ms, s, m, h, d, w)")
    remedy = "put texts into single quotes, and names with other signs into `backticks`"
    return mistake(text, at, f"{character!r} has no meaning here", remedy=remedy)


def offset_of(said: str) -> int:
    """Return a time from now in milliseconds, as `-1d12h` says it."""
    total = sum(int(count) * UNITS_MS[unit] for count, unit in _PART.findall(said))
    return -total if said[0] == "-" else total
