"""Connections to a PostgreSQL server: what a URL says, how one is opened, and what its errors mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, NullPool, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from weft.errors import CallFailed, DatabaseUnreachable, NotDone, OutcomeUnknown, SettingInvalid
from weft.flow.ambient import Overtaken

CONNECTIONS = 16
"""At most this many transactions write to one database at once from one host; as many again may read."""

STATEMENT_TIMEOUT_MS = 30_000
"""A statement that takes longer is ended by the server."""

CONNECT_TIMEOUT_S = 5
"""So long may a server take to answer a new connection."""

KEEPALIVE = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""A host that vanished with its network keeps its locks for a minute and not for the two hours of TCP's own."""

SERIALIZATION_FAILURE = "40001"
DEADLOCK = "40P01"
OVERTAKEN = frozenset({SERIALIZATION_FAILURE, DEADLOCK})
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY = "25006"
ENDED_BY_SERVER = frozenset({"57P01", "57P02", "57P03", "57P05"})
CONNECTION_EXCEPTION = "08"
NOT_YET = frozenset({"57P03", "53300"})  # the server starts or stops, or has too many clients: soon it may answer


@dataclass(frozen=True, slots=True)
class Link:
    """One connection, as SQLAlchemy sees it and as the driver does.

    Statements of services go through `core`; those about transactions and the barrier's go to `raw`.
    """

    core: AsyncConnection
    raw: psycopg.AsyncConnection[Any]

    @property
    def is_idle(self) -> bool:
        """Tell whether it could begin a transaction, as far as is known here."""
        return not self.raw.closed and self.raw.info.transaction_status == TransactionStatus.IDLE

    @property
    def is_inside(self) -> bool:
        """Tell whether it is in a transaction that could commit."""
        return self.raw.info.transaction_status == TransactionStatus.INTRANS

    async def close(self) -> None:
        """Close the connection; what is not committed is gone."""
        await self.raw.close()
        await self.core.invalidate()
        await self.core.close()


@dataclass(frozen=True, slots=True)
class Server:
    """What a URL says.

    Attributes:
        name: for messages: without user, password and parameters.
    """

    name: str
    engine: AsyncEngine
    connections: int

    async def connect(self) -> Link:
        """Open a connection.

        Raises:
            psycopg.Error, DBAPIError: It cannot be opened.
        """
        core = await self.engine.connect()
        # SQLAlchemy rolls back by itself after an error outside of what it takes for a transaction.
        await core.begin()
        pooled = await core.get_raw_connection()
        raw = pooled.driver_connection
        assert isinstance(raw, psycopg.AsyncConnection)
        return Link(core, cast("psycopg.AsyncConnection[Any]", raw))


def server_of(url: str, lock_wait_s: float) -> Server:
    """Read a URL.

    Raises:
        SettingInvalid: It names no database, or one of weft's own parameters is not a number.
    """
    parsed = make_url(url)
    if not parsed.database:
        what = f"{parsed.render_as_string()!r} names no database"
        raise SettingInvalid(what, remedy="write postgresql://USER@HOST:PORT/NAME")
    query = dict(parsed.query)
    connections = _number(query, "connections", CONNECTIONS)
    statement_ms = _number(query, "statement_timeout_ms", STATEMENT_TIMEOUT_MS)
    own = f"-c statement_timeout={statement_ms} -c lock_timeout={max(1, round(lock_wait_s * 1000))} {KEEPALIVE}"
    given = query.get("options", "")
    query["options"] = f"{own} {given if isinstance(given, str) else ' '.join(given)}"  # what is given wins
    query.setdefault("connect_timeout", str(CONNECT_TIMEOUT_S))
    query.setdefault("application_name", "weft")
    target = URL.create(
        "postgresql+psycopg", parsed.username, parsed.password, parsed.host, parsed.port, parsed.database, query
    )
    engine = create_async_engine(target, isolation_level="AUTOCOMMIT", poolclass=NullPool, pool_reset_on_return=None)
    where = f"{parsed.host or 'local socket'}{f':{parsed.port}' if parsed.port else ''}"
    return Server(f"{parsed.database} at {where}", engine, connections)


def _number(query: dict[str, Any], name: str, default: int) -> int:
    value = query.pop(name, None)
    if value is None:
        return default
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and int(value) > 0):
        raise SettingInvalid(f"{name} in a database URL is not a whole number above zero", remedy=f"write {name}=16")
    return int(value)


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error, also from within SQLAlchemy's; empty where the server has said none."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None) or ""


def is_lost(error: BaseException) -> bool:
    """Tell whether an error is the end of its connection."""
    state = state_of(error)
    origin = error.orig if isinstance(error, DBAPIError) else error
    if not state:
        return isinstance(origin, (psycopg.OperationalError, psycopg.InterfaceError, OSError))
    return state in ENDED_BY_SERVER or state.startswith(CONNECTION_EXCEPTION)


def failure(error: BaseException, name: str, *, committing: bool = False) -> CallFailed | Overtaken:
    """Return what an error means for a transaction as a whole.

    The server rolls back what it was not asked to commit. Where the connection ends during the commit itself nobody
    can tell; whatever the server still says about a commit that failed is certain.
    """
    state = state_of(error)
    if state in OVERTAKEN:
        return Overtaken(words(error))
    if committing and is_lost(error):
        return OutcomeUnknown(f"{name} could not say whether it committed: {words(error)}", reason="storage")
    reason = "busy" if state == LOCK_NOT_AVAILABLE else "unavailable" if is_lost(error) else "storage"
    return NotDone(f"{name} rolled everything back: {words(error)}", reason=reason)


def unusable(error: BaseException, name: str) -> DatabaseUnreachable | SettingInvalid:
    """Return what it means that the first connection cannot be opened."""
    state = state_of(error)
    if state in NOT_YET or (is_lost(error) and not _is_refusal(error)):
        return DatabaseUnreachable(f"{name} cannot be reached: {words(error)}")
    remedy = "check user, password, database and rights; they are the URL's"
    return SettingInvalid(f"{name} cannot be used: {words(error)}", remedy=remedy)


def _is_refusal(error: BaseException) -> bool:
    # The driver keeps no SQLSTATE of a connection that was refused after it was made: the server says FATAL.
    return "FATAL:" in str(error) and "starting up" not in str(error) and "shutting down" not in str(error)


def words(error: BaseException) -> str:
    """Return an error's text on one line: never a URL, hence never a password."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = " ".join(str(origin).split()) or "no word from it"
    return f"{type(origin).__name__}, {text}"
