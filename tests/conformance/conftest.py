"""The engines that the conformance suite runs on; no test of the suite knows which of them it meets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conformance.stage import Desk, stage
from weft.host.host import Host
from weft.host.settings import Settings

OpenHost = Callable[[Desk], Awaitable[Host]]


@pytest.fixture(params=["embedded", "temporal", "temporal, replayed"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an engine that holds nothing yet."""
    if request.param == "embedded":
        return f"sqlite:///{tmp_path}/runs.db"
    address = request.getfixturevalue("temporal_address")
    url = f"temporal://{address}/default?task_queue={uuid4().hex}"
    # Without a cache each step of a run is taken by replaying its whole history.
    return f"{url}&cached=0" if "replayed" in request.param else url


@pytest.fixture
async def host_with(engine: str, tmp_path: Path) -> AsyncIterator[OpenHost]:
    """Return what opens a host on the engine for a desk; it closes with the test."""
    async with AsyncExitStack() as stack:

        async def open_host(desk: Desk) -> Host:
            settings = Settings(engine=engine, store=str(tmp_path))
            return await stack.enter_async_context(Host(stage, settings=settings, replace={Desk: desk}))

        yield open_host


@pytest.fixture
def desk() -> Desk:
    """Return a desk with nothing on it."""
    return Desk()


@pytest.fixture
async def host(host_with: OpenHost, desk: Desk) -> Host:
    """Return a host on the engine."""
    return await host_with(desk)


@pytest.fixture
def key() -> str:
    """Return an id that no other test has."""
    return uuid4().hex
