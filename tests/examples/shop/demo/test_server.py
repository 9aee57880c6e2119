"""The demo with the services' databases on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.shop.books.compare import compare
from examples.shop.books.expected import read_file
from examples.shop.books.places import VARIABLE, servers_named
from examples.shop.books.written import SERVICES, read_store
from tests import servers
from tests.examples.shop.demo.conftest import Demo

FEW = 15


@pytest.fixture
def settings(postgresql_server: servers.Server) -> Iterator[dict[str, str]]:
    """Return settings that give each service a place of its own on the server."""
    with ExitStack() as stack:
        yield {
            VARIABLE.format(service=service.upper()): stack.enter_context(servers.schema(postgresql_server.url))
            + "&connections=4"
            for service in SERVICES
        }


def test_books_on_a_server_balance(demo: Demo, settings: dict[str, str], small_file: Path, tmp_path: Path) -> None:
    """Killed between a service's commit and its reply, and carried on, the demo ends with balanced books."""
    told = ("--orders", str(FEW), "--faults", "0.1")
    killed = demo(tmp_path, *told, "--crash-at-reply", "40", **settings)

    ran = demo(tmp_path, **settings)

    assert (killed.code, ran.code) == (-9, 0), ran.talk
    assert (ran.found["books"], ran.found["orders"]) == ("balanced", FEW)
    assert [path.name for path in tmp_path.glob("*.db")] == ["engine.db"]
    written = read_store(tmp_path, servers_named(SERVICES, environ=settings))
    assert compare(read_file(small_file, orders=FEW), written, refusals=True).balanced


def test_fresh_beside_a_server_is_refused(demo: Demo, settings: dict[str, str], tmp_path: Path) -> None:
    """What lies on a server is nobody's to throw away here: the message says what to do."""
    ran = demo(tmp_path, "--fresh", **settings)

    assert ran.code == 2
    assert "empty it there" in ran.talk
