"""What has ended is deleted when its time is over, wholly, and services forget it; nothing that is open is touched."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text

from tests.engine.embedded.stores import owned, with_runs
from weft.data.database import Database
from weft.engine.embedded import deleting
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.store import Store
from weft.errors import RunNotFound, RunOpen, StoreFailed
from weft.flow.attribute import Attribute
from weft.flow.messages import receive
from weft.flow.runs import Run
from weft.flow.saga import saga
from weft.flow.state import State
from weft.host.settings import Settings
from weft.model.effect import compensated_by, idempotent
from weft.model.message import Signal
from weft.model.operation import operation
from weft.model.policy import Retention
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World

metadata = MetaData()
stock = Table("stock", metadata, Column("sku", Text, primary_key=True), Column("held", Integer))
region = Attribute("region", str)
stage = State("stage", "")
DAY = timedelta(days=1)
KEEP = Retention(keep=30 * DAY, workflows={"waits": 90 * DAY}, delivery=2 * DAY)
EMPTY = {"runs": 0, "journal": 0, "states": 0, "attempts": 0, "attributes": 0, "deletions": 0}


class Inventory(Service, exactly_once=True, tables=metadata):
    """Holds one row for each order."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def release(self, sku: str) -> None:
        """Hold it no more."""
        async with self.db.transaction() as tx:
            await tx.execute(stock.delete().where(stock.c.sku == sku))

    @operation(compensated_by(release))
    async def reserve(self, sku: str) -> None:
        """Hold it."""
        async with self.db.transaction() as tx:
            await tx.execute(stock.insert().values(sku=sku, held=1))


class Go(Signal):
    """Go on."""


@workflow
async def order(sku: str, *, inventory: Inventory) -> str:
    """Reserve, and end."""
    stage.set("reserving")
    region.set("eu")
    await inventory.reserve(sku)
    return sku


@workflow
async def waits(sku: str, *, inventory: Inventory) -> str:
    """Reserve, wait, and undo."""
    async with saga():
        await inventory.reserve(sku)
        await receive(Go)
        raise ValueError(sku)


shop = System("shop", services=[Inventory], workflows=[order, waits])


@asynccontextmanager
async def opened(folder: Path, retention: Retention = KEEP) -> AsyncGenerator[World]:
    """Open a world whose files are kept."""
    async with World(shop, store=folder, settings=replace(Settings(), retention=retention)) as world:
        yield world


async def swept(world: World) -> None:
    """Do all the housekeeping that there is to do."""
    while await world.host.engine.housekeeping.sweep():
        await world.settle()
    await world.settle()


def rows(folder: Path) -> dict[str, int]:
    """Count what the engine's store holds."""
    with closing(Store.open(folder / "engine.db", system=None, owner=False)) as store:
        return {name: store.select(f"SELECT count(*) FROM {name}")[0][0] for name in EMPTY}


async def remembered(folder: Path) -> int:
    """Count what the service remembers of calls."""
    async with Database.open(f"sqlite:///{folder}/Inventory.db") as database:
        return len(await database.barrier_rows())


async def ended(world: World, run_id: str) -> Run[str]:
    """Start an order and wait for its end."""
    run = await world.start(order, run_id, id=run_id)
    assert await run.result() == run_id
    return run


async def test_deleted_run_leaves_nothing(tmp_path: Path) -> None:
    """A run that is deleted is gone with all that was kept of it, and its id can be used again for another input."""
    async with opened(tmp_path) as world:
        run = await ended(world, "o-1")
        await world.host.delete(run, who="ada", why="a test")
        with pytest.raises(RunNotFound):
            await run.result()
        await world.advance(3 * DAY)
        await swept(world)

        assert rows(tmp_path) == EMPTY
        assert await remembered(tmp_path) == 0
        await (await world.start(order, "another", id="o-1")).result()


async def test_open_run_is_not_deleted(tmp_path: Path) -> None:
    """A run that has not ended stays, whatever its age, and so does what services know of its calls."""
    async with opened(tmp_path) as world:
        run = await world.start(waits, "o-1", id="o-1")
        await world.advance(400 * DAY)
        await swept(world)

        with pytest.raises(RunOpen):
            await world.host.delete(run)
        await run.send(Go())
        await world.settle()

        assert (world.applied(Inventory.reserve), world.applied(Inventory.release)) == (1, 1)


async def test_services_remember_until_nothing_can_arrive(tmp_path: Path) -> None:
    """What services know of a deleted run's calls stays until the longest delivery delay has passed since its end."""
    async with opened(tmp_path) as world:
        run = await ended(world, "o-1")
        await world.host.delete(run)
        await world.advance(DAY)
        await swept(world)
        soon = await remembered(tmp_path)
        await world.advance(DAY)
        await swept(world)

        assert (soon, await remembered(tmp_path)) == (1, 0)


async def test_services_forget_runs_that_are_kept(tmp_path: Path) -> None:
    """What services know of the calls of a run that ended long ago goes, though the run is kept for ever."""
    async with opened(tmp_path, Retention(delivery=2 * DAY)) as world:
        await ended(world, "o-1")
        await world.start(waits, "o-2", id="o-2")
        await world.advance(3 * DAY)
        await swept(world)
        await ended(world, "o-3")
        await swept(world)

        assert rows(tmp_path)["runs"] == 3
        assert await remembered(tmp_path) == 2  # of the one that is open, and of the one that ended now


async def test_retention_counts_from_the_end(tmp_path: Path) -> None:
    """A run goes once it has been kept as long as its workflow says, counted from its end."""
    async with opened(tmp_path) as world:
        await ended(world, "o-1")
        late = await world.start(waits, "o-2", id="o-2")
        await world.advance(29 * DAY)
        await late.send(Go())
        await world.settle()
        await swept(world)
        before = rows(tmp_path)["runs"]
        await world.advance(2 * DAY)
        await swept(world)
        month = [view.id for view in await world.host.list()]
        await world.advance(90 * DAY)
        await swept(world)

        assert (before, month) == (2, ["o-2"])
        assert rows(tmp_path) == EMPTY


@pytest.mark.parametrize("crash", range(8))
async def test_crash_in_housekeeping_loses_nothing(tmp_path: Path, crash: int) -> None:
    """A process that dies at any commit of its housekeeping goes on with it, and what is open is whole."""
    async with opened(tmp_path) as world:
        for number in range(3):
            await ended(world, f"o-{number}")
        late = await world.start(waits, "late", id="late")
        await world.advance(40 * DAY)
        first = world.commits
        world.crashes = lambda commit: commit == first + crash
        with suppress(StoreFailed):  # the life in which it was called is over
            await swept(world)
        world.crashes = None
        await world.restart()
        await swept(world)
        left = await remembered(tmp_path)
        await late.send(Go())
        await world.settle()

        assert left == 1
        assert world.applied(Inventory.release) == 1
        assert [view.id for view in await world.host.list()] == ["late"]


def test_key_is_not_given_twice_while_a_journal_is_left(tmp_path: Path) -> None:
    """The key of the newest run is not given again while its journal is still being deleted."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1, 2))
        store.write(Batch(updates={2: (4, None, 9, "", None)}))
        batch = Batch()
        deleting.delete(batch, [(2, "chain-2", 9), (1, "chain-1", 9)])
        store.write(batch)

        assert store.max_key() == 2
        assert store.row(1) is not None
        assert store.select("SELECT run FROM deletions") == [(2,)]
