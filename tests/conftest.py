"""What every test of the suite shares: how hypothesis searches, and the servers of the session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import servers

# A slow machine is no bug, and a failure that nobody can repeat is no finding: no deadline, a fixed search.
settings.register_profile("weft", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", parent=settings.get_profile("weft"), derandomize=False, max_examples=1000)
settings.load_profile("weft")

SERVERS = pytest.StashKey[Path]()
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


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the session has started."""
    if not hasattr(config, "workerinput"):
        servers.stop_shared(config.stash[SERVERS])
        shutil.rmtree(config.stash[SERVERS])


@pytest.fixture(scope="session")
def postgresql_server(pytestconfig: pytest.Config) -> servers.Server:
    """Return the PostgreSQL of the session."""
    return servers.wanted(pytestconfig.stash[SERVERS])


@pytest.fixture
def postgresql_url(postgresql_server: servers.Server) -> Iterator[str]:
    """Return the URL of a place of its own on that server."""
    with servers.schema(postgresql_server.url) as url:
        yield url
