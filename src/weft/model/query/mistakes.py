"""What a query did wrong, shown at its place in the text."""

from __future__ import annotations

import unicodedata

from weft.errors import QueryInvalid

SHOWN_BEFORE = 60
SHOWN_AFTER = 20
"""Characters of the text that are shown on either side of the mistake."""

_MARGIN = "     "
"""As wide as what errors put before a place."""


def mistake(text: str, column: int, what: str, *, remedy: str) -> QueryInvalid:
    """Return the error for a mistake at a column of a text, counted from 0."""
    return QueryInvalid(what, where=pointed(text, column), remedy=remedy, column=column + 1)


def pointed(text: str, column: int) -> str:
    """Return the line of text around a column, and below it a caret that points there."""
    first = max(0, column - SHOWN_BEFORE)
    last = column + SHOWN_AFTER
    before = ("…" if first else "") + _flat(text[first:column])
    after = _flat(text[column:last]) + ("…" if last < len(text) else "")
    return f"{before}{after}\n{_MARGIN}{' ' * sum(map(_width, before))}^"


def _flat(text: str) -> str:
    return "".join(" " if character in "\n\r\t" else character for character in text)


def _width(character: str) -> int:
    """Return how many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
