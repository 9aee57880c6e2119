"""A look at a database from outside, for those who ask whether it is well: nothing is made or changed by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg

from weft.errors import DatabaseUnreachable

SERVER = "postgresql"

ANSWER_S = 5
"""A server that has not answered by then counts as away."""

WEFTS_OWN = frozenset({"connections", "statement_timeout_ms"})
"""Parameters of a URL that the driver does not know."""

WAITING = "SELECT count(*) FROM weft_outbox WHERE state = 'waiting'"
REFUSED = "SELECT run, operation, reason FROM weft_outbox WHERE state = 'refused' ORDER BY id"


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen.

    Attributes:
        what: the file, or the server's kind and version.
        waiting: requests of its outbox that have not left.
        refused: those that never will: run, operation and reason.
    """

    what: str
    waiting: int = 0
    refused: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


def glance_at_server(url: str) -> Glance:
    """Ask a PostgreSQL server.

    Raises:
        DatabaseUnreachable: It does not answer, or refuses.
    """
    try:
        with psycopg.connect(_driver_url(url), connect_timeout=ANSWER_S) as connection:
            connection.read_only = True
            what = f"PostgreSQL {connection.execute('SHOW server_version').fetchall()[0][0]}"
            if not connection.execute("SELECT to_regclass('weft_outbox') IS NOT NULL").fetchall()[0][0]:
                return Glance(what)
            waiting = connection.execute(WAITING).fetchall()[0][0]
            return Glance(what, waiting, connection.execute(REFUSED).fetchall())
    except psycopg.Error as error:
        raise DatabaseUnreachable(f"the server does not answer, or refuses: {error}") from error


def glance_at_file(path: Path) -> Glance:
    """Read an SQLite file.

    Raises:
        DatabaseUnreachable: It cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'weft_outbox'").fetchone():
                return Glance(str(path))
            return Glance(str(path), file.execute(WAITING).fetchone()[0], file.execute(REFUSED).fetchall())
    except sqlite3.Error as error:
        raise DatabaseUnreachable(f"{path} cannot be read: {error}") from error


def _driver_url(url: str) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in WEFTS_OWN]
    # A plus is a plus to the driver, not a space.
    return parts._replace(scheme=SERVER, query=urlencode(kept, quote_via=quote)).geturl()
