"""Statements on a connection to an SQLite file: those of services, and those of the room."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError

from weft.data.port import Answer, Parameters, Result, Steps, refuse_control, refuse_write
from weft.data.sqlite.connection import Link, code_of

T = TypeVar("T")


def run(link: Link, statement: Executable, parameters: Parameters) -> Result:
    """Execute one statement now and fetch all that it answers.

    An empty list of parameters means no rows to write: nothing is executed.

    Raises:
        TransactionMisused: The statement ends or opens a transaction.
    """
    refuse_control(statement)
    if parameters is None:
        result = link.core.execute(statement)
    elif not parameters and not isinstance(parameters, Mapping):
        return Result()
    else:
        result = link.core.execute(statement, parameters)
    if result.returns_rows:
        # All of them at once: a cursor left open would hold up the commit that others share.
        return Result(list(result.all()), result.rowcount)
    return Result([], result.rowcount)


def carry_through(raw: sqlite3.Connection, steps: Steps[T]) -> T:
    """Ask what a decision asks, one after another, and return what it comes to."""
    try:
        ask = next(steps)
        while True:
            cursor = raw.execute(ask.sql, ask.values)
            ask = steps.send(Answer(cursor.fetchall(), cursor.rowcount))
    except StopIteration as end:
        found: T = end.value
        return found


def refuse_if_write(error: DBAPIError, because: str) -> None:
    """Raise if an error says that a read-only connection was asked to write."""
    if code_of(error) == sqlite3.SQLITE_READONLY:
        refuse_write(error, because)
