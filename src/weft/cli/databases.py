"""The checks of `weft doctor` on services' databases: whether a server answers, and what their outboxes hold back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from weft.cli import database_texts, texts
from weft.cli.checkup import Check
from weft.cli.output import in_one_line
from weft.host.settings import SQLITE, Settings

SERVER = "postgresql"
DRIVER = "psycopg"
DATABASE = "database"

ANSWER_S = 5
"""A server that has not answered by then counts as away."""

WEFTS_OWN = frozenset({"connections", "statement_timeout_ms"})
"""Parameters of a URL that the driver does not know."""

WAITING = "SELECT count(*) FROM weft_outbox WHERE state = 'waiting'"
REFUSED = "SELECT run, operation, reason FROM weft_outbox WHERE state = 'refused' ORDER BY id"


def check_databases(settings: Settings) -> Iterator[Check]:
    """Look at the databases that settings name, one check for each; what is not there yet is passed over."""
    for service in sorted(settings.services):
        url = settings.url(service, DATABASE, "")
        name = database_texts.NAME.format(service=service)
        if url.startswith(SERVER):
            yield _check_server(name, url)
        elif url.startswith(SQLITE) and Path(url.removeprefix(SQLITE)).exists():
            yield _check_file(name, Path(url.removeprefix(SQLITE)))


def _check_server(name: str, url: str) -> Check:
    if find_spec(DRIVER) is None:
        return Check(name, "wrong", database_texts.NO_DRIVER, texts.INSTALL_EXTRA.format(extra="data"))
    import psycopg  # noqa: PLC0415 - an extra, and 100 ms for those who need it not

    try:
        with psycopg.connect(_driver_url(url), connect_timeout=ANSWER_S) as connection:
            connection.read_only = True
            version = connection.execute("SHOW server_version").fetchall()[0][0]
            found = connection.execute("SELECT to_regclass('weft_outbox') IS NOT NULL").fetchall()[0][0]
            waiting = connection.execute(WAITING).fetchall()[0][0] if found else 0
            refused = connection.execute(REFUSED).fetchall() if found else []
    except psycopg.Error as error:
        what = database_texts.AWAY.format(text=in_one_line(str(error)))
        return Check(name, "wrong", what, database_texts.AWAY_REMEDY)
    return _outbox(name, f"PostgreSQL {version}", waiting, refused)


def _check_file(name: str, path: Path) -> Check:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            found = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'weft_outbox'").fetchone()
            waiting = file.execute(WAITING).fetchone()[0] if found else 0
            refused = file.execute(REFUSED).fetchall() if found else []
    except sqlite3.Error as error:
        return Check(name, "wrong", f"{path}: {error}", database_texts.FILE_REMEDY)
    return _outbox(name, str(path), waiting, refused)


def _outbox(name: str, what: str, waiting: int, refused: list[tuple[str, str, str]]) -> Check:
    if waiting:
        what += database_texts.WAITING.format(count=waiting)
    if not refused:
        return Check(name, "ok", what)
    run, operation, reason = refused[0]
    first = database_texts.REQUEST.format(operation=operation, run=run, reason=reason)
    what += database_texts.REFUSED.format(count=len(refused), first=in_one_line(first))
    return Check(name, "note", what, database_texts.REFUSED_REMEDY)


def _driver_url(url: str) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in WEFTS_OWN]
    # A plus is a plus to the driver, not a space.
    return parts._replace(scheme=SERVER, query=urlencode(kept, quote_via=quote)).geturl()
