"""What a service says to its database: statements of SQLAlchemy Core, answered with rows that are all there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Executable, Row, TextClause
from sqlalchemy.exc import DBAPIError

from weft.data.connection import Link, code_of
from weft.errors import TransactionMisused

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

CONTROL = re.compile(r"\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|ATTACH|DETACH|PRAGMA|VACUUM)\b", re.IGNORECASE)
"""Statements that would reach past a transaction's own savepoint."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement answered.

    Attributes:
        rows: all rows, in order; empty for a statement that returns none.
        rowcount: rows that an insert, update or delete has touched; -1 where SQLite does not say.
    """

    rows: list[AnyRow] = field(default_factory=list[AnyRow])
    rowcount: int = 0

    def __iter__(self) -> Iterator[AnyRow]:
        return iter(self.rows)

    def first(self) -> AnyRow | None:
        """Return the first row, or nothing."""
        return self.rows[0] if self.rows else None

    def scalar(self) -> Any:
        """Return the first column of the first row, or nothing."""
        return self.rows[0][0] if self.rows else None


def run(link: Link, statement: Executable, parameters: Parameters) -> Result:
    """Execute one statement now and fetch all that it answers.

    An empty list of parameters means no rows to write: nothing is executed.

    Raises:
        TransactionMisused: The statement ends or opens a transaction, or writes where only reading is allowed.
    """
    if isinstance(statement, TextClause):
        _refuse_control(statement)
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


def _refuse_control(statement: TextClause) -> None:
    found = CONTROL.match(statement.text)
    if found is not None:
        what = f"{found[1].upper()} inside a transaction reaches past it: others share its connection and its commit"
        raise TransactionMisused(what, remedy="leave transactions to `async with db.transaction()`")


def refuse_write(error: DBAPIError, *, because: str) -> None:
    """Raise if an error says that a read-only connection was asked to write."""
    if code_of(error) == sqlite3.SQLITE_READONLY:
        what = f"a write in a transaction that only reads ({because})"
        remedy = "declare the effect of the operation, or leave read_only= away"
        raise TransactionMisused(what, remedy=remedy) from error
