"""What can be said of a store without opening it as an engine: for people who look for what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from weft.engine.embedded import schema
from weft.engine.embedded.owner import Owner, owner_of
from weft.engine.embedded.store import Store

SQLITE = sqlite3.sqlite_version
"""The version of SQLite that this Python brings."""

SQLITE_IS_ENOUGH = sqlite3.sqlite_version_info >= schema.OLDEST_SQLITE

OLDEST_SQLITE = ".".join(map(str, schema.OLDEST_SQLITE))


@dataclass(frozen=True, slots=True)
class Health:
    """A store as it stands.

    Attributes:
        system: the name of the System that it belongs to.
        written_format: the version of its tables.
        counts: how many runs stand in each status, by its number.
        newest_ms: when the newest run was created, since 1970; nothing without runs.
        requests: how many requests no engine has taken yet, at most a thousand.
        owner: who owns it now; nothing when no engine runs.
    """

    system: str
    written_format: int
    counts: Mapping[int, int]
    newest_ms: int | None
    requests: int
    owner: Owner | None


def examine(path: Path) -> Health:
    """Look at a store; it must be there. Never waits for its owner, and changes nothing.

    Raises:
        SettingInvalid: it cannot be opened.
        StoreFailed: it is not a store, or it is damaged.
        StoreNewer: a newer weft wrote it.
    """
    with closing(Store.open(path, system=None, owner=False)) as store:
        newest = store.list_runs(limit=1)
        counts = store.count_runs()
        requests = len(store.pending_requests(0))
    with closing(schema.connect(path)) as connection, schema.mapped(path, doing="read"):
        written_format = int(connection.execute("PRAGMA user_version").fetchone()[0])
        system = str(connection.execute("SELECT value FROM meta WHERE name = 'system'").fetchone()[0])
    newest_ms = newest[0].created_ms if newest else None
    return Health(system, written_format, counts, newest_ms, requests, owner_of(path))
