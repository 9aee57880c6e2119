"""`weft worker`: processes share the work of one System, drain in order, and know which build a run belongs to."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.engine.temporal.conftest import YARD, StartWorker
from weft.cli.program import execute
from weft.engine.temporal.pace import Pace
from weft.errors import SettingInvalid
from weft.host.settings import load_settings

AT_MOST = timedelta(seconds=60)


def gate(folder: Path, name: str) -> Path:
    """Return a named pipe that nobody has written into."""
    made = folder / name
    os.mkfifo(made)
    return made


async def run(client: Client, queue: str, workflow: str, *, value: object) -> list[int]:
    """Run a workflow and return the processes that have carried out its calls."""
    return await client.execute_workflow(
        workflow, value, id=f"{workflow}/{queue}", task_queue=queue, result_type=list[int], run_timeout=AT_MOST
    )


async def test_two_processes_share_the_work(worker: StartWorker, client: Client, queue: str, tmp_path: Path) -> None:
    """Two workers that take one call at a time have to share two calls that wait at once."""
    first, second = worker("--operations", "1"), worker("--operations", "1")
    gates = [gate(tmp_path, name) for name in ("north", "south")]

    running = asyncio.create_task(run(client, queue, "wait_at", value=[str(each) for each in gates]))
    for process in (first, second):
        await asyncio.to_thread(process.hear, "waiting at")
    for each in gates:
        await asyncio.to_thread(each.write_text, "go")

    assert sorted(await running) == sorted([first.process_id, second.process_id])


async def test_a_worker_that_stops_lets_its_calls_end(
    worker: StartWorker, client: Client, queue: str, tmp_path: Path
) -> None:
    """SIGTERM takes no more work, lets the call under way end, and its run goes on with the next worker."""
    first, north = worker("--drain", "1m"), gate(tmp_path, "north")
    running = asyncio.create_task(run(client, queue, "wait_at", value=[str(north)]))
    await asyncio.to_thread(first.hear, "waiting at")

    first.send(signal.SIGTERM)
    await asyncio.to_thread(first.hear, "drain")
    await asyncio.to_thread(north.write_text, "go")
    answer = await asyncio.to_thread(first.answer)
    worker()

    assert answer.code == 0
    assert await running == [first.process_id]


async def test_a_drain_has_an_end(worker: StartWorker, client: Client, queue: str, tmp_path: Path) -> None:
    """A call that does not end is given up when the drain is over; the next worker makes it again."""
    first = worker("--drain", "100ms")
    running = asyncio.create_task(run(client, queue, "linger_once", value=str(tmp_path / "lingered")))
    await asyncio.to_thread(first.hear, "lingering")

    answer = await asyncio.to_thread(first.stop)
    second = worker()

    assert answer.code == 0
    assert await running == [second.process_id]


async def test_a_service_has_a_queue_of_its_own(worker: StartWorker, client: Client, queue: str) -> None:
    """What a service's queue holds is taken by who serves that queue, and by nobody else."""
    main, lifts = worker("--queue", queue), worker("--queue", f"{queue}-lifts")

    assert await run(client, queue, "unload", value="stone") == [main.process_id, lifts.process_id]


@pytest.mark.parametrize(("versioning", "ends_on"), [("pinned", 0), ("auto-upgrade", 1)])
async def test_a_run_belongs_to_a_build(
    worker: StartWorker, client: Client, queue: str, *, versioning: str, ends_on: int
) -> None:
    """A pinned run ends on the build that it began on, one that upgrades goes on on the build that is current."""
    flags = ("--deployment", queue, "--versioning", versioning, "--build-id")
    processes = [worker(*flags, "one").process_id]
    await make_current(client, queue, "one")
    begun = asyncio.create_task(run(client, queue, "sign_later", value="old"))
    handle = client.get_workflow_handle(f"sign_later/{queue}")
    await until_signed(client, handle.id)

    processes.append(worker(*flags, "two").process_id)
    await make_current(client, queue, "two")
    await handle.signal("Go", {})

    assert await begun == [processes[0], processes[ends_on]]
    assert set(await run(client, queue, "unload", value="new")) == {processes[1]}


async def make_current(client: Client, deployment: str, build: str) -> None:
    """Make a build current as soon as the server has heard of its worker."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace="default", deployment_name=deployment, build_id=build, identity="test"
    )
    while True:
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError as error:
            if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
                raise
        else:
            return


async def until_signed(client: Client, run_id: str) -> None:
    """Wait until a run is there and has had its first call."""
    while True:
        try:
            async for event in client.get_workflow_handle(run_id).fetch_history_events(wait_new_event=True):
                if event.HasField("activity_task_completed_event_attributes"):
                    return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def test_an_embedded_engine_has_no_workers(capsys: pytest.CaptureFixture[str]) -> None:
    """Workers of an embedded engine are refused, with what to do instead."""
    code = execute(["worker", YARD, "--engine", "sqlite:///yard.db"])

    said = capsys.readouterr().err
    assert code == 3
    assert "WEFT-E358" in said
    assert "weft run TARGET" in said


@pytest.mark.parametrize(
    ("flags", "environ", "said"),
    [
        (["--queue", "moon"], {}, "task queue 'moon'"),
        ([], {"WEFT_WORKER__QUEUES__MOON": "q"}, "'moon', and the System has no such"),
    ],
)
def test_a_queue_of_nobody_is_refused(
    temporal_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    flags: list[str],
    environ: dict[str, str],
    said: str,
) -> None:
    """A queue that nothing of the System goes to is a mistake, and would wait for ever."""
    monkeypatch.chdir(tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    code = execute(["worker", YARD, "--engine", f"temporal://{temporal_address}/default", *flags])

    assert code == 3
    assert said in capsys.readouterr().err


def test_settings_say_how_a_worker_works(tmp_path: Path) -> None:
    """All of a worker's pace stands in the settings; variables are stronger than the file."""
    file = tmp_path / "weft.toml"
    file.write_text('[worker]\nworkflows = 7\ncached = 0\ndrain = "1m"\nserves = ["a"]\n[worker.queues]\nCrane = "b"\n')
    environ = {"WEFT_WORKER__OPERATIONS": "9", "WEFT_WORKER__SERVES": "a, b"}

    settings = load_settings(file=file, environ=environ)

    assert settings.worker == Pace(
        workflows=7, operations=9, cached=0, drain=timedelta(minutes=1), queues={"Crane": "b"}, serves=("a", "b")
    )


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"WEFT_WORKER__OPERATIONS": "0"}, "worker.operations"),
        ({"WEFT_WORKER__SPEED": "1"}, "no setting of workers"),
        ({"WEFT_WORKER__DEPLOYMENT": "shop"}, "worker.build_id is not"),
        ({"WEFT_WORKER__VERSIONING": "glued"}, "pinned, auto-upgrade"),
        ({"WEFT_WORKER__DRAIN": "soon"}, "not a duration"),
    ],
)
def test_wrong_settings_of_workers_are_refused(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    """A setting of workers that cannot be used is named before anything runs."""
    file = tmp_path / "weft.toml"
    file.touch()

    with pytest.raises(SettingInvalid, match=said):
        load_settings(file=file, environ=environ)
