"""What happens at one time on Temporal reaches a run in one of its tasks: no outcome is lost for that."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from tests.conformance.stage import Desk, hasty, stage
from weft.errors import RunFailed
from weft.host.host import Host
from weft.host.settings import Settings


async def until(client: Client, name: str, event_type: EventType.ValueType) -> None:
    """Wait until a history has an event of a type."""
    async for event in client.get_workflow_handle(name).fetch_history_events(wait_new_event=True):
        if event.event_type == event_type:
            return


async def test_a_call_answered_when_its_time_is_over_is_undone(temporal_address: str, tmp_path: Path) -> None:
    """A time limit and the reply of the call inside it come in one task: the saga ends, and the call is undone."""
    key = uuid4().hex
    settings = Settings(engine=f"temporal://{temporal_address}/default?task_queue={key}", store=str(tmp_path))
    client = await Client.connect(temporal_address)
    desk = Desk()
    reached = desk.hold("hat")
    host = await Host(stage, settings=settings, replace={Desk: desk}).__aenter__()
    await host.start(hasty, "hat", id=key)
    await reached.wait()
    closing = asyncio.create_task(host.close())

    await until(client, f"hasty/{key}", EventType.EVENT_TYPE_TIMER_FIRED)
    desk.held["hat"].set()
    await closing

    async with Host(stage, settings=settings, replace={Desk: desk}) as host:
        with pytest.raises(RunFailed, match="TimeoutError"):
            await host.find(hasty, key).result()
    assert desk.lines == ["take hat", "give back hat"]
