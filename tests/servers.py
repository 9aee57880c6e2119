"""Real servers for the suite: one of each for all workers of a session, started where the first test asks for it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "servers" / "postgresql.sh"
STARTING_S = 600  # the package may have to be installed first


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        url: of its first database.
        pid: its process; nothing where it was there before.
        data: the folder of its data, to start it again with.
    """

    url: str
    pid: int | None = None
    data: str = ""

    @classmethod
    def told_by(cls, stdout: str) -> Server:
        """Read what the script has said."""
        *facts, url = stdout.strip().splitlines()
        said = dict(line.split(" ", 1) for line in facts)
        return cls(url, int(said["pid"]) if "pid" in said else None, said.get("data", ""))


def start(data: str = "") -> Server:
    """Start a server; with the data of one that died, that one again."""
    done = subprocess.run(
        [str(SCRIPT), "start", *([data] if data else [])],
        check=False,
        capture_output=True,
        text=True,
        timeout=STARTING_S,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word from it"]
        raise NoServer(f"no PostgreSQL to test with: {lines[-1]}")
    return Server.told_by(done.stdout)


def stop(server: Server) -> None:
    """Stop a server that was started here."""
    if server.pid is not None:
        subprocess.run([str(SCRIPT), "stop", str(server.pid)], check=True, timeout=60)


class NoServer(Exception):
    """There is no server, and none can be started."""


def shared(folder: Path) -> Server:
    """Return the server of the session, which whoever comes first starts.

    Raises:
        NoServer: It could not be started.
    """
    told, missing = folder / "postgresql", folder / "postgresql.missing"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing.exists():
            raise NoServer(missing.read_text())
        if not told.exists():
            try:
                server = start()
            except NoServer as error:
                missing.write_text(str(error))
                raise
            told.write_text(f"pid {server.pid}\n{server.url}\n" if server.pid else server.url)
        return Server.told_by(told.read_text())


def stop_shared(folder: Path) -> None:
    """Stop the server of the session, if one was started."""
    told = folder / "postgresql"
    if told.exists():
        stop(Server.told_by(told.read_text()))


def wanted(folder: Path) -> Server:
    """Return the server of the session; without one the test is skipped, and fails where CI asks for all of them."""
    try:
        return shared(folder)
    except NoServer as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@contextmanager
def schema(url: str) -> Iterator[str]:
    """Make a schema of its own and return a URL whose tables lie there."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {name}".encode())
        yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
        admin.execute(b"SET lock_timeout = '10s'")
        admin.execute(b"SET client_min_messages = warning")
        admin.execute(f"DROP SCHEMA {name} CASCADE".encode())


@contextmanager
def emptied(url: str) -> Iterator[str]:
    """Empty the tables of a schema of its own and return its URL: many times faster than to make them anew."""
    with psycopg.connect(url, autocommit=True) as admin:
        rows = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        for (table,) in rows:
            admin.execute(f'DELETE FROM "{table}"'.encode())
    yield url
