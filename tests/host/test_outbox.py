"""Starts and signals of a service's transaction: they leave with its commit, once, in order, whatever dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.data.processes import process
from tests.host.bank import RunsNotebook
from tests.host.desk import Closed, Desk, Line, deliver, desk_tables, log, office, order, settings_for, taken
from weft.data import Database
from weft.errors import RunNotFound
from weft.flow.runs import Runs
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.run import RunStatus
from weft.testing.crash import RUN_ID, crash_everywhere
from weft.testing.world import World

NOTHING = timedelta()


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where the desk keeps its books."""
    if request.param == "server":
        found: str = request.getfixturevalue("postgresql_url")
        return found
    return f"sqlite:///{tmp_path}/desk.db"


@pytest.fixture
async def world(url: str) -> AsyncIterator[World]:
    """Open the office in a world."""
    async with World(office, settings=Settings(services={"desk": {"database": url}})) as opened:
        yield opened


async def waiting(url: str) -> list[tuple[str, str, str]]:
    """Return what is left in the outbox: run, state and reason."""
    async with Database.open(url) as db:
        return [(row.run, row.state, row.reason) for row in await db.outbox_rows()]


async def test_start_and_signal_leave_with_their_commits(world: World, url: str) -> None:
    """What a call posts is at work before time passes: a world counts it as under way."""
    run = await world.start(order, "o-1", id="o-1")

    await world.advance(NOTHING)

    assert await run.result() == "o-1 has arrived"
    assert await world.find(deliver, "o-1").result() == "o-1"
    assert await waiting(url) == []


async def test_refused_call_posts_nothing(world: World, url: str) -> None:
    """A call that is declined takes back what it has posted."""
    run = await world.start(order, "late", id="late")

    await world.advance(NOTHING)

    assert await run.result() == "closed"
    with pytest.raises(RunNotFound):
        await world.find(deliver, "late").result()
    assert await waiting(url) == []


async def test_duplicate_posts_nothing_more(world: World) -> None:
    """A delivery whose reply was lost is repeated, and what it posted leaves once."""
    world.faults.lose_reply(Desk.take, times=1)
    world.faults.lose_reply(Desk.arrive, times=1)
    run = await world.start(order, "o-1", id="o-1")

    await world.advance(timedelta(hours=1))

    assert await run.result() == "o-1 has arrived"
    assert (world.sent(Desk.take), world.applied(Desk.take)) == (2, 1)
    story = await world.story(run)
    assert sum(row.kind == "message" for row in story.rows) == 1


async def test_order_is_kept(world: World) -> None:
    """Lines of one transaction and of one run after another arrive in the order in which they were posted."""
    run = await world.start(log, 40, id="l-1")
    desk = world.proxy(Desk)

    for batch in range(4):
        await desk.write("l-1", tuple(f"{batch}-{number}" for number in range(10)))
    await world.advance(NOTHING)

    assert await run.result() == tuple(f"{batch}-{number}" for batch in range(4) for number in range(10))


async def test_request_that_can_never_leave(world: World, url: str) -> None:
    """A signal to nobody, and an id that is taken, stay with their reason and keep nobody waiting."""
    await world.start(deliver, "other", id="o-1")
    desk = world.proxy(Desk)

    await desk.write("nobody", ("a",))
    await desk.take("o-1")
    run = await world.start(order, "o-2", id="o-2")
    await world.advance(NOTHING)

    assert await run.result() == "o-2 has arrived"
    left = {(name, state): reason.partition(":")[0] for name, state, reason in await waiting(url)}
    assert left[("log/nobody", "refused")] == "RunNotFound"
    assert left[("deliver/o-1", "refused")] == "RunExists"


async def test_what_was_left_behind(url: str) -> None:
    """What a script without a host has posted, or a process that died, leaves as soon as a host opens."""
    async with Database.open(url, tables=desk_tables) as db:
        with suppress(Closed):
            async with db.transaction() as tx:
                await tx.start(deliver, "never", id="never")
                raise Closed
        async with db.transaction() as tx:
            await tx.start(log, 1, id="l-1")
            await tx.send(Runs(office, RunsNotebook()).find(log, "l-1"), Line("from a script"))

    async with World(office, settings=Settings(services={"desk": {"database": url}})) as world:
        await world.advance(NOTHING)

        assert await world.find(log, "l-1").result() == ("from a script",)
        with pytest.raises(RunNotFound):
            await world.find(deliver, "never").result()


async def test_crashed_at_every_commit() -> None:
    """Wherever the process dies, before the relay, or after the engine's commit and before the row goes, it is once."""
    report = await crash_everywhere(office, order, RUN_ID)

    assert report.ending.status is RunStatus.COMPLETED
    assert report.ending.applied == {"desk.take": 1, "desk.arrive": 1}


async def test_killed_processes(url: str, tmp_path: Path) -> None:
    """After kill -9, again and again, each order that was taken is delivered, and no other one."""
    engine = f"sqlite:///{tmp_path}/engine.db"
    first = 0
    for life in range(2):
        with process("-m", "tests.host.desk", url, engine, str(first)) as child:
            assert child.stdout is not None
            for _ in range(5 + 8 * life):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait()
        first += 1000

    async with Host(office, settings=settings_for(url, engine)) as host, Database.open(url) as db:
        async with db.transaction(read_only=True) as tx:
            orders = {row.order_id for row in await tx.rows(select(taken))}
        while True:
            if not any(row.state == "waiting" and row.run.startswith("deliver/") for row in await db.outbox_rows()):
                break
            await asyncio.sleep(0)  # what a file answers at once gives nobody else a turn
        delivered = {view.id for view in await host.engine.list(workflow="deliver", limit=10_000)}

    assert len(orders) >= 5 + 13
    assert delivered == orders
