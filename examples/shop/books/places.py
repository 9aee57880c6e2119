"""Where services keep what they write: files of a store, or databases of a PostgreSQL server; both are only read."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg

SERVER = "postgresql"
VARIABLE = "WEFT_SERVICES__{service}__DATABASE"
WEFTS_OWN = frozenset({"connections", "statement_timeout_ms"})
"""Parameters of a URL that the driver does not know."""


def servers_named(services: tuple[str, ...], *, environ: Mapping[str, str], file: Path | None = None) -> dict[str, str]:
    """Return the URLs of servers, by service.

    Args:
        services: whose.
        environ: the environment, which is stronger than the file.
        file: the settings file, if it is there.
    """
    said: dict[str, dict[str, str]] = {}
    if file is not None and file.exists():
        said = tomllib.loads(file.read_text(encoding="utf-8")).get("services", {})
    named = {
        service: environ.get(VARIABLE.format(service=service.upper()), said.get(service, {}).get("database", ""))
        for service in services
    }
    return {service: url for service, url in named.items() if url.startswith(SERVER)}


@dataclass(frozen=True, slots=True)
class Places:
    """Where a shop's services keep what they write.

    Attributes:
        store: the folder of the files.
        servers: URLs of the services whose databases are on a server.
    """

    store: Path
    servers: Mapping[str, str]

    def ask(self, service: str, query: str) -> Iterator[tuple[Any, ...]]:
        """Ask a service's database, in SQL that both kinds take.

        Raises:
            FileNotFoundError: It is to be a file, and there is none.
        """
        if service in self.servers:
            with psycopg.connect(_driver_url(self.servers[service])) as connection:
                connection.read_only = True
                yield from connection.execute(query.encode())
            return
        path = self.store / f"{service}.db"
        if not path.exists():
            raise FileNotFoundError(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            yield from file.execute(query)


def _driver_url(url: str) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in WEFTS_OWN]
    # A plus is a plus to the driver, not a space.
    return parts._replace(scheme=SERVER, query=urlencode(kept, quote_via=quote)).geturl()
