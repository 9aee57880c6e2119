"""Programs of Temporal's own SDK and Systems of weft call one another by name, and read each other's payloads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.engine.temporal.exchange import Wish, audited, convert, exchange
from tests.engine.temporal.plain import Audit, Order, rate
from weft.engine.temporal.pace import Pace
from weft.host.host import Host
from weft.host.settings import Settings


@pytest.fixture
async def plain(client: Client, queue: str) -> AsyncIterator[str]:
    """Return the task queue of a worker that knows nothing of weft."""
    name = f"{queue}-plain"
    worker = Worker(
        client,
        task_queue=name,
        workflows=[Audit, Order],
        activities=[rate],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        yield name


@pytest.fixture
async def host(temporal_address: str, queue: str, plain: str, tmp_path: Path) -> AsyncIterator[Host]:
    """Return a host of weft whose contract and whose child the other program keeps."""
    pace = Pace(queues={"Rates": plain, "audit": plain}, serves=(queue,))
    url = f"temporal://{temporal_address}/default?task_queue={queue}"
    async with Host(exchange, settings=Settings(engine=url, store=str(tmp_path), worker=pace)) as opened:
        yield opened


async def test_a_plain_workflow_calls_an_operation_and_starts_a_run(
    host: Host, client: Client, queue: str, plain: str
) -> None:
    """An operation is an activity of its name, a workflow a child of its name; the notes may be left out."""
    result: Any = await client.execute_workflow("order", queue, id=f"order-{queue}", task_queue=plain)

    assert result == {"doubled": 5.0, "child": 12.5}
    shown = await host.engine.show("convert", f"order-{queue}")
    assert [row.what.split()[0] for row in shown.rows if row.kind == "call"] == ["Till.double", "Rates.rate"]


async def test_a_run_calls_an_activity_that_another_program_keeps(host: Host) -> None:
    """A contract's operations are activities of their names on the queue that the settings say."""
    assert await host.run(convert, Wish(2.0, "EUR"), id=uuid4().hex) == 5.0


async def test_an_error_of_a_declared_name_is_a_refusal(host: Host) -> None:
    """What another program raises under the name of a declared refusal arrives as that refusal."""
    assert await host.run(convert, Wish(2.0, "atlantis"), id=uuid4().hex) == 0.0


@pytest.mark.parametrize(("amount", "verdict"), [(7.0, "7.0 is fine"), (7_000.0, "failed: TooMuch")])
async def test_a_run_starts_a_child_that_another_program_keeps(
    host: Host, queue: str, *, amount: float, verdict: str
) -> None:
    """A workflow with a task queue of its own is started there; how it ends arrives as for any other child."""
    said = await host.run(audited, Wish(amount, queue), id=queue)

    assert said.replace(f" {queue}", "") == verdict


async def test_payloads_are_json_that_people_can_read(host: Host, client: Client, queue: str) -> None:
    """Every payload of a run's history is json/plain, with the arguments under their own names."""
    await host.run(convert, Wish(2.0, "EUR"), id=queue)

    history = await client.get_workflow_handle(f"convert/{queue}").fetch_history()

    found = [payload for event in history.events for payload in payloads_in(event)]
    values = [json.loads(data) for _, data in found]
    assert {encoding for encoding, _ in found} == {b"json/plain"}
    assert {"amount": 2.0, "currency": "EUR"} in values
    assert {"currency": "EUR"} in values
    assert 1.25 in values


def payloads_in(message: Any) -> Iterator[tuple[bytes, bytes]]:
    """Find every payload in an event, with its encoding."""
    if message.DESCRIPTOR.full_name == "temporal.api.common.v1.Payload":
        yield message.metadata["encoding"], message.data
        return
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            held = list(value.values()) if field.message_type.fields_by_name["value"].message_type else []
        else:
            held = list(value) if hasattr(value, "append") else [value]
        for each in held:
            yield from payloads_in(each)
