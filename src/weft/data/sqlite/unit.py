"""One writing transaction on an SQLite file: savepoints of its own in a commit that it shares."""

from __future__ import annotations

import sqlite3
from typing import TypeVar

from sqlalchemy import Executable, MetaData
from sqlalchemy.exc import DBAPIError

from weft.data.port import Parameters, Result, Steps, ended_by_a_statement
from weft.data.sqlite.connection import storage_failure
from weft.data.sqlite.sharing import WriteSlot
from weft.data.sqlite.statements import carry_through, run
from weft.errors import CallFailed

T = TypeVar("T")


class SqliteUnit:
    """Hold the write slot from `begin` until the end; a `Unit`.

    Only the turn and the commit are waited for: everything else is done where it is called.
    """

    def __init__(self, slot: WriteSlot) -> None:
        self.lost: BaseException | None = None
        self._slot = slot
        self._raw = slot.link.raw
        self._open = False

    @property
    def shows_uncommitted(self) -> bool:
        """Tell whether the connection sees effects that are not on disk yet."""
        return self._slot.shows_uncommitted

    async def begin(self) -> None:
        """Take the turn."""
        await self._slot.take()
        self._open = True
        self._control("SAVEPOINT weft_call")
        if self.lost is not None:
            self.drop()
            raise self.lost

    async def run(self, statement: Executable, parameters: Parameters) -> Result:
        """Execute a statement of a service."""
        if self.lost is not None:
            raise self.lost
        try:
            result = run(self._slot.link, statement, parameters)
        except DBAPIError as error:
            self._notice(error)
            raise
        if not self._raw.in_transaction:
            self._lose(ended_by_a_statement(self._slot.link.path.name), certain=False)
        return result

    async def ask(self, steps: Steps[T]) -> T:
        """Carry a decision of the room through."""
        if self.lost is not None:
            raise self.lost
        try:
            return carry_through(self._raw, steps)
        except sqlite3.Error as error:
            self._notice(error)
            raise storage_failure(error, self._slot.link.path) from error

    async def create(self, tables: MetaData) -> None:
        """Create those tables that are missing."""
        tables.create_all(self._slot.link.core)

    async def mark(self) -> None:
        """Open the savepoint of the effect."""
        self._control("SAVEPOINT weft_effect")
        if self.lost is not None:
            raise self.lost

    async def back(self) -> None:
        """Roll the effect back."""
        self._control("ROLLBACK TO weft_effect")

    async def commit(self, last: Steps[None] | None = None) -> None:
        """Hand over to the shared commit and wait for it."""
        if last is not None and self.lost is None:
            try:
                await self.ask(last)
            except BaseException:
                self.drop()
                raise
        self._control("RELEASE weft_call")
        self._open = False
        if self.lost is not None:
            self._slot.leave()
            raise self.lost
        await self._slot.join()

    def drop(self) -> None:
        """Roll back and pass the turn on."""
        if self._open:
            self._open = False
            self._control("ROLLBACK TO weft_call")
            self._control("RELEASE weft_call")
            self._slot.leave()

    def _notice(self, error: BaseException) -> None:
        """See whether an error was the end of more than its statement."""
        if not self._raw.in_transaction:
            # A full disk, for one, ends the whole transaction, and with it all that were to share its commit.
            self._lose(error)

    def _lose(self, error: BaseException, *, certain: bool = True) -> None:
        lost: CallFailed = storage_failure(error, self._slot.link.path, committing=not certain)
        lost.__cause__ = error
        self.lost = lost
        self._slot.fail_group(error, committing=not certain)

    def _control(self, statement: str) -> None:
        """Execute a statement about savepoints; where it fails, everything is rolled back and `lost` says so."""
        if self.lost is None:
            try:
                self._raw.execute(statement)
            except sqlite3.Error as error:
                self._lose(error)
