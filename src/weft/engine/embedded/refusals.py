"""What an owner refused of what other processes asked: kept for a while, for those who asked and wait for its word."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from weft.engine.embedded.statements import Statement

KEPT = 1_000
"""A refusal is kept until so many requests more have been made."""

TABLES = """
CREATE TABLE refusals (
    request INTEGER PRIMARY KEY, code TEXT NOT NULL, what TEXT NOT NULL, remedy TEXT NOT NULL
) STRICT;
"""

REFUSED = Statement("INSERT INTO refusals (request, code, what, remedy) SELECT * FROM", 4, "WHERE column1 IS NOT NULL")
REFUSALS_OVER = Statement("DELETE FROM refusals WHERE request <= (SELECT max(column1) FROM", 1, ")")
REFUSAL = "SELECT code, what, remedy FROM refusals WHERE request = ?"


class Refusal(NamedTuple):
    """Why a request was refused: the error's code, what it says, and what to do."""

    code: str
    what: str
    remedy: str


class Selecting(Protocol):
    """Where a committed store is read."""

    def select(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[str, str, str]]:
        """Return what a statement of a constant text reads, whole."""
        ...


def refusal_of(store: Selecting, request: int) -> Refusal | None:
    """Return why a request was refused that is taken; nothing if it was done, or is too old to tell."""
    for row in store.select(REFUSAL, (request,)):
        return Refusal(*row)
    return None
