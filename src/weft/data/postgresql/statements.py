"""Statements on a connection to a PostgreSQL server: those of services, and those of the room."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from sqlalchemy import Executable

from weft.data.port import Answer, Parameters, Result, Steps, refuse_control
from weft.data.postgresql.connection import Link

T = TypeVar("T")


async def run(link: Link, statement: Executable, parameters: Parameters) -> Result:
    """Execute one statement and fetch all that it answers."""
    refuse_control(statement)
    if parameters is None:
        result = await link.core.execute(statement)
    elif not parameters and not isinstance(parameters, Mapping):
        return Result()
    else:
        result = await link.core.execute(statement, parameters)
    if result.returns_rows:
        return Result(list(result.all()), result.rowcount)
    return Result([], result.rowcount)


async def carry_through(link: Link, steps: Steps[T]) -> T:
    """Ask what a decision asks, one after another, and return what it comes to."""
    try:
        ask = next(steps)
        while True:
            cursor = await link.raw.execute(_as_the_driver_writes(ask.sql), ask.values)
            rows = await cursor.fetchall() if cursor.description is not None else []
            ask = steps.send(Answer(rows, cursor.rowcount))
    except StopIteration as end:
        found: T = end.value
        return found


@cache
def _as_the_driver_writes(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()
