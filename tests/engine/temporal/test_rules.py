"""Rules of runs on Temporal that no other engine has: what fails a run and what only blocks it, ids, undos."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from tests.conformance.stage import Desk, Word, side_by_side, stage
from weft import Host, System, receive, workflow
from weft.host.settings import Settings
from weft.model.run import RunStatus


@workflow(name="letter")
async def letter(greeting: str, *, desk: Desk) -> str:
    """Note a greeting, and wait for a word."""
    await desk.note(greeting)
    return (await receive(Word)).text


@workflow(name="letter")
async def changed(greeting: str, *, desk: Desk) -> str:
    """Do something else first: the code has diverged from what runs have done."""
    await desk.take(greeting)
    return (await receive(Word)).text


BEFORE = System("letters", services=[Desk], workflows=[letter])
AFTER = System("letters", services=[Desk], workflows=[changed])


@pytest.fixture
def settings(temporal_address: str, tmp_path: Path) -> Settings:
    """Return settings of a queue of its own, where each step replays the whole history."""
    url = f"temporal://{temporal_address}/default?task_queue={uuid4().hex}&cached=0"
    return Settings(engine=url, store=str(tmp_path))


async def test_a_divergence_blocks_a_run_and_does_not_end_it(settings: Settings) -> None:
    """Code that has diverged fails the task and not the run, which goes on once the code is mended."""
    desk, key = Desk(), uuid4().hex
    reached = desk.hold("dear")
    async with Host(BEFORE, settings=settings, replace={Desk: desk}) as host:
        await host.start(letter, "dear", id=key)
        await reached.wait()
        desk.held["dear"].set()
    async with Host(AFTER, settings=settings, replace={Desk: desk}) as host:
        await host.find(changed, key).send(Word("yours"))
        blocked = await host.engine.show("letter", key)
    async with Host(BEFORE, settings=settings, replace={Desk: desk}) as host:
        result = await host.find(letter, key).result()

    assert result == "yours"
    assert blocked.view.status is RunStatus.BLOCKED
    assert desk.lines == ["note dear"]


async def test_the_id_of_an_activity_is_the_path_of_its_call(settings: Settings, temporal_address: str) -> None:
    """Activities carry the paths that the story shows, in the order of the paths within one task."""
    key = uuid4().hex
    async with Host(stage, settings=settings, replace={Desk: Desk()}) as host:
        await (await host.start(side_by_side, 3, id=key)).result()
        story = await host.engine.show("side_by_side", key)
    client = await Client.connect(temporal_address)
    history = await client.get_workflow_handle(f"side_by_side/{key}").fetch_history()

    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert sorted(scheduled) == sorted(row.path for row in story.rows if row.kind == "call")
    assert scheduled[:3] == sorted(scheduled[:3])
