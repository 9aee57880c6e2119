"""Functions that a workflow leads to; each line marked `planted` is a hazard when a workflow reaches it."""

# ruff: noqa: D101, D102, D103 - planted code, read and never run

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any
from uuid import uuid4 as fresh

_table: dict[str, int] | None = None


def stamp() -> datetime:
    return datetime.now(UTC)  # planted


def label() -> str:
    return stamp().isoformat()


@cache
def ticket(kind: str) -> str:
    return kind + str(fresh())  # planted


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


@traced
def elapsed() -> float:
    return time.monotonic()  # planted


class Watch:
    def __init__(self) -> None:
        self.at = time.time()  # planted


@dataclass(frozen=True)
class Order:
    id: str
    placed: datetime = field(default_factory=datetime.now)

    @property
    def age(self) -> float:
        return time.time()  # planted

    def due(self, at: datetime) -> bool:
        return self.placed < at

    @classmethod
    def new(cls) -> "Order":
        return cls(id=ticket("order"))  # planted


def lookup(key: str) -> int:
    """Fill a table once, which is the same whoever does it."""
    global _table  # noqa: PLW0603 - a cache
    if _table is None:
        _table = {"a": 1}
    return _table[key]


def never_reached() -> float:
    return time.time()
