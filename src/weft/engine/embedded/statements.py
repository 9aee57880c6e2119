"""Statements over many rows at once, in as few calls as SQLite takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

MOST_ROWS = 1_024
"""The most rows of one statement: thirteen columns of them stay under SQLite's smallest limit of variables, 32,766."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL around `VALUES` with a number of rows that changes. Rows of nulls, or of zeros, are padding and do nothing.

    Attributes:
        padding: what such a row consists of. Of a null, `sqlite3` asks each time whether somebody has registered an
            adapter, which takes five times as long as binding an int; bytes it asks, too, and a bytearray not.
    """

    before: str
    columns: int
    after: str
    padding: int | None = None


@cache
def text(statement: Statement, rows: int) -> str:
    """Write the SQL of a statement for a number of rows."""
    row = f"({', '.join('?' * statement.columns)})"
    return f"{statement.before} (VALUES {', '.join([row] * rows)}) {statement.after}"


def execute(
    connection: sqlite3.Connection, statement: Statement, rows: Sequence[tuple[object, ...]]
) -> list[tuple[Any, ...]]:
    """Execute a statement over rows in as few calls as SQLite's limit of variables allows; return what it answers.

    Each call gives the interpreter lock away and must win it back from a busy loop, up to 5 ms each time:
    `executemany`, which is one such call for each row, writes 900 rows a second there, this 16,000, for 256 rows a
    commit. The number of rows is rounded up to a power of two, with rows that the statement passes over,
    so that there are eleven texts to compile in a process's life and not a thousand: padding a row costs less than
    parsing one.
    """
    answers: list[tuple[Any, ...]] = []
    for start in range(0, len(rows), MOST_ROWS):
        part = rows[start : start + MOST_ROWS]
        size = 1 << (len(part) - 1).bit_length()
        values = list(chain.from_iterable(part))
        values.extend([statement.padding] * (statement.columns * (size - len(part))))
        answers += connection.execute(text(statement, size), values).fetchall()
    return answers
