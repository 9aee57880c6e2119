"""What every kind of database offers to the room: units that write, views that read, and what is said to them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from sqlalchemy import Executable, MetaData, Row, TextClause

from weft.errors import TransactionMisused

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"
T = TypeVar("T")

CONTROL = re.compile(
    r"\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION|SET\s+TRANSACTION|SET\s+SESSION"
    r"|ATTACH|DETACH|PRAGMA|VACUUM|DISCARD)\b",
    re.IGNORECASE,
)
"""Statements that would reach past a transaction's own savepoint."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement answered.

    Attributes:
        rows: all rows, in order; empty for a statement that returns none.
        rowcount: rows that an insert, update or delete has touched; -1 where the database does not say.
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


class Ask(NamedTuple):
    """A statement of the room's own, in SQL that every database takes; `?` stands for each value."""

    sql: str
    values: tuple[Any, ...] = ()


class Answer(NamedTuple):
    """Its rows, and how many rows it has touched."""

    rows: list[tuple[Any, ...]]
    touched: int


Steps: TypeAlias = Generator[Ask, Answer, T]
"""A decision that asks the database as it goes: written once, and driven by each kind of database in its own way."""


class Asking(Protocol):
    """Where statements go."""

    async def run(self, statement: Executable, parameters: Parameters) -> Result:
        """Execute a statement of a service and fetch all that it answers; an empty list of parameters does nothing."""
        ...

    async def ask(self, steps: Steps[T]) -> T:
        """Carry a decision through and return what it comes to.

        Raises:
            NotDone: The database failed.
        """
        ...


class Unit(Asking, Protocol):
    """One transaction that writes: begun once, ended once, by `commit` or by `drop`.

    A failure that ends all of it is kept in `lost`, and told again by whatever is asked next. Where it was only
    overtaken by others, that is an `Overtaken`: the same work may be done again.
    """

    lost: BaseException | None

    @property
    def shows_uncommitted(self) -> bool:
        """Tell whether it sees effects of others that are not on disk yet."""
        ...

    async def begin(self) -> None:
        """Wait for its turn and begin.

        Raises:
            NotDone: The turn did not come in time, or the database cannot be reached.
            TransactionMisused: The same task is inside another one already, or all is closed.
        """
        ...

    async def mark(self) -> None:
        """Remember this state, for `back`."""
        ...

    async def back(self) -> None:
        """Take back all that came after the mark."""
        ...

    async def create(self, tables: MetaData) -> None:
        """Create those tables that are missing."""
        ...

    async def commit(self, last: Steps[None] | None = None) -> None:
        """Ask one last thing and commit; returns once it is on disk, and no cancellation ends that.

        Raises:
            CancelledError: It is on disk, and somebody cancelled the wait meanwhile.
            NotDone: It failed, and nothing happened.
            OutcomeUnknown: Nobody can tell whether it happened.
            Overtaken: Nothing happened, since others came first.
        """
        ...

    def drop(self) -> None:
        """Roll back and let others have the turn; it does not wait, so no cancellation can come between."""
        ...


class View(Asking, Protocol):
    """One committed state to read; it cannot write."""

    async def begin(self) -> None:
        """Fix the state.

        Raises:
            NotDone: The database cannot be reached or read.
            TransactionMisused: All is closed.
        """
        ...

    def end(self) -> None:
        """Let the state go; it does not wait."""
        ...


class Store(Protocol):
    """An open database of one kind.

    Attributes:
        name: for messages; without secrets.
        commits: how many were made since opening.
        skips_locked: whether rows that another process works on can be passed over.
    """

    name: str
    skips_locked: bool

    @property
    def commits(self) -> int:
        """Return how many commits were made since opening."""
        ...

    def unit(self, *, alone: bool) -> Unit:
        """Return a transaction that writes; `alone` beside no other one, so that none can overtake it."""
        ...

    def queue_unit(self) -> Unit:
        """Return a transaction for taking rows out of a queue, which stands in nobody's way."""
        ...

    def view(self, because: str) -> View:
        """Return a state to read; `because` says why it cannot write."""
        ...

    async def close(self) -> None:
        """Let transactions under way end, then close all connections."""
        ...


def refuse_control(statement: Executable) -> None:
    """Refuse a statement about transactions or the connection.

    Raises:
        TransactionMisused: It is one.
    """
    found = CONTROL.match(statement.text) if isinstance(statement, TextClause) else None
    if found is not None:
        what = f"{found[1].upper()} inside a transaction reaches past it: others share its connection and its commit"
        raise TransactionMisused(what, remedy="leave transactions to `async with db.transaction()`")


def ended_by_a_statement(name: str) -> TransactionMisused:
    """Return what a statement means that ended its transaction all the same."""
    return TransactionMisused(f"a statement ended the transaction on {name} that others share")


def refuse_write(error: BaseException, because: str) -> None:
    """Raise what the error of a database means that was asked to write where only reading is allowed."""
    what = f"a write in a transaction that only reads ({because})"
    remedy = "declare the effect of the operation, or leave read_only= away"
    raise TransactionMisused(what, remedy=remedy) from error


def nested(name: str) -> TransactionMisused:
    """Return what a block inside a block of the same task means."""
    return TransactionMisused(f"a transaction on {name} inside another one would wait for itself for ever")


def closed(name: str) -> TransactionMisused:
    """Return what the use of a closed database means."""
    return TransactionMisused(f"{name} is closed", remedy="open it for as long as it is used")
