"""What every test of the suite shares: how hypothesis searches, the servers of the session, how the process ends."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import servers, temporal_server

# A slow machine is no bug, and a failure that nobody can repeat is no finding: no deadline, a fixed search.
settings.register_profile("weft", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", parent=settings.get_profile("weft"), derandomize=False, max_examples=1000)
settings.load_profile("weft")

SERVERS = pytest.StashKey[Path]()
STATUS = pytest.StashKey[int]()
FOLDER = "weft_servers"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder in which all workers of a session find its servers."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    folder = given[FOLDER] if given is not None else tempfile.mkdtemp(prefix="weft-servers-")
    config.stash[SERVERS] = Path(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where that folder is."""
    node.workerinput[FOLDER] = str(node.config.stash[SERVERS])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the session has started, and leave without the interpreter's own end where Temporal's library is in it.

    Threads of that library may hand objects back when the interpreter is half gone, which aborts the process after all
    work is done: a green run would be red.
    """
    if not hasattr(config, "workerinput"):
        servers.stop_shared(config.stash[SERVERS])
        temporal_server.stop_shared(config.stash[SERVERS])
        shutil.rmtree(config.stash[SERVERS])
    status = config.stash.get(STATUS, None)
    if status is not None and "temporalio" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Keep the session's exit status for its end."""
    yield
    session.config.stash[STATUS] = int(session.exitstatus)


@pytest.fixture(scope="session")
def temporal_address(pytestconfig: pytest.Config) -> str:
    """Return the address of the session's Temporal server, which has the namespace `default`."""
    return temporal_server.wanted(pytestconfig.stash[SERVERS])


@pytest.fixture(scope="session")
def postgresql_server(pytestconfig: pytest.Config) -> servers.Server:
    """Return the PostgreSQL of the session."""
    return servers.wanted(pytestconfig.stash[SERVERS])


@pytest.fixture
def postgresql_url(postgresql_server: servers.Server) -> Iterator[str]:
    """Return the URL of a place of its own on that server."""
    with servers.schema(postgresql_server.url) as url:
        yield url
