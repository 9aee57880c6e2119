"""The connections to a PostgreSQL server that one database of a host has: bounded, kept, replaced when they break."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from weft.data.port import closed, nested
from weft.data.postgresql.connection import Link, Server, failure, is_lost, state_of, unusable
from weft.errors import NotDone

log = logging.getLogger("weft.data")

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
"""Waits between looks for a server that does not answer; each twice the one before."""

CLOSE_WAIT_S = 5.0
"""How long closing waits for transactions under way."""

BROKEN = (psycopg.Error, DBAPIError, OSError)
"""What a driver raises."""


class Pool:
    """Lend connections in order of asking.

    A connection that broke while nobody used it is noticed by the first statement on it, and replaced: a server that
    was restarted costs whoever comes next a moment, not a failure.
    """

    def __init__(self, server: Server, *, wait_s: float) -> None:
        self.name = server.name
        self._server = server
        self._wait_s = wait_s
        self._free: list[Link] = []
        self._turns = asyncio.Semaphore(server.connections)
        self._holders: set[asyncio.Task[object]] = set()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._lent = 0
        self._answers = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def first(self) -> None:
        """Open one connection ahead of all others, to see whether that can be done.

        Raises:
            SettingInvalid: The server refuses it.
            DatabaseUnreachable: No server answers.
        """
        try:
            self._free.append(await self._server.connect())
        except BROKEN as error:
            raise unusable(error, self.name) from error

    async def begin(self, opening: Callable[[], str], holder: asyncio.Task[object] | None = None) -> Link:
        """Lend a connection on which the first statements of a transaction have been executed.

        Args:
            opening: says, once there is a connection, which statements; they are sent in one message.
            holder: the task that has it until it is given back; it may not ask for a second.

        Raises:
            NotDone: None was free in time, no server answers, or it refuses.
            TransactionMisused: The holder has one already, or the pool is closed.
            Overtaken: The statements were to wait for each other for ever.
        """
        if self._closed:
            raise closed(self.name)
        if holder is not None and holder in self._holders:
            raise nested(self.name)
        self._lent += 1
        self._idle.clear()
        if holder is not None:
            self._holders.add(holder)
        try:
            async with asyncio.timeout(self._wait_s):
                await self._turns.acquire()
        except BaseException as error:
            self._returned(holder)
            if isinstance(error, TimeoutError):
                what = f"all connections to {self.name} were in use for {self._wait_s:g} s"
                raise NotDone(what, reason="busy") from error
            raise
        try:
            return await self._begun(opening())
        except BaseException:
            self._turns.release()
            self._returned(holder)
            raise

    async def _begun(self, statements: str) -> Link:
        loop = asyncio.get_running_loop()
        until, wait_s = loop.time() + self._wait_s, FIRST_WAIT_S
        while True:
            kept = self._pop()
            link: Link | None = kept
            try:
                link = kept or await self._server.connect()
                await link.raw.execute(statements.encode(), prepare=False)
            except BaseException as error:
                if link is not None:
                    self._discard(link)
                if not isinstance(error, BROKEN):
                    raise
                if not is_lost(error) or loop.time() + wait_s > until:
                    raise failure(error, self.name) from error
                if kept is None:  # a fresh one failed: the server is away
                    self._note(answers=False)
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                self._note(answers=True)
                return link

    def _note(self, *, answers: bool) -> None:
        """Say once that the server is away, and once that it is back."""
        if self._answers != answers:
            self._answers = answers
            log.warning("%s answers again" if answers else "%s does not answer; transactions wait for it", self.name)

    def _pop(self) -> Link | None:
        while self._free:
            link = self._free.pop()
            if link.is_idle:
                return link
            self._discard(link)
        return None

    def give_back(self, link: Link, holder: asyncio.Task[object] | None = None, *, broken: bool = False) -> None:
        """Take a connection back; what is open on it is rolled back, after this has returned."""
        if holder is not None:
            self._holders.discard(holder)
        if not broken and link.is_idle and not self._closed:
            self._keep(link)
        else:
            self._later(self._clean(link, broken=broken))

    def _keep(self, link: Link) -> None:
        self._free.append(link)
        self._turns.release()
        self._returned(None)

    async def _clean(self, link: Link, *, broken: bool) -> None:
        try:
            if not broken and not self._closed:
                await link.raw.execute("ROLLBACK")
        except BROKEN as error:
            log.info("a connection to %s broke: %s", self.name, state_of(error) or type(error).__name__)
        if broken or self._closed or not link.is_idle:
            self._discard(link)
        else:
            self._free.append(link)
        self._turns.release()
        self._returned(None)

    def _discard(self, link: Link) -> None:
        self._later(self._close(link))

    async def _close(self, link: Link) -> None:
        try:
            await link.close()
        except BROKEN as error:  # it is gone either way
            log.debug("a broken connection to %s: %s", self.name, type(error).__name__)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    def _returned(self, holder: asyncio.Task[object] | None) -> None:
        if holder is not None:
            self._holders.discard(holder)
        self._lent -= 1
        if not self._lent:
            self._idle.set()

    async def close(self) -> None:
        """Let transactions under way end, for at most `CLOSE_WAIT_S`, and close what is free."""
        try:
            async with asyncio.timeout(CLOSE_WAIT_S):
                # One that was overtaken begins again before it has given its first connection back: it may still end.
                while self._lent:
                    await self._idle.wait()
        except TimeoutError:
            log.warning("%s was closed under %d transactions", self.name, self._lent)
        self._closed = True
        while self._free:
            self._discard(self._free.pop())
        while self._cleaning:
            await asyncio.wait(set(self._cleaning))
