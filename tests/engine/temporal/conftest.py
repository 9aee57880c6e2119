"""Workers in processes of their own, and a client that knows nothing of weft."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.cli.commands import Engine

YARD = str(Path(__file__).with_name("yard.py"))

StartWorker = Callable[..., Engine]
"""Starts a worker of the yard in a process of its own."""


@pytest.fixture
def queue() -> str:
    """Return a task queue that no other test has."""
    return uuid4().hex


@pytest.fixture
async def client(temporal_address: str) -> Client:
    """Return Temporal's own client."""
    return await Client.connect(temporal_address)


@pytest.fixture
def worker(temporal_address: str, queue: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Return what starts workers; they end with the test."""
    started: list[Engine] = []
    settings = tmp_path / "weft.toml"

    def start(*flags: str) -> Engine:
        url = f"temporal://{temporal_address}/default?task_queue={queue}"
        said = f'engine = "{url}"\nstore = "{tmp_path}"\n[worker.queues]\nCrane = "{queue}-lifts"\n'
        settings.write_text(said, encoding="utf-8")
        flags = (YARD, "--settings", str(settings), *flags)
        started.append(Engine(*flags, ready="is at work", command="worker"))
        return started[-1]

    yield start
    for each in started:
        each.kill()
