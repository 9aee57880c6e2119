"""A System whose runs use every verb, recorded on one Python and replayed on all; run this module to record anew."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from weft.engine.embedded.export import exported
from weft.engine.embedded.store import Store
from weft.errors import RunFailed
from weft.flow.chance import uuid4
from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.patches import deprecate_patch, patched
from weft.flow.runs import Run, Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.message import Signal, Update
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World

FOLDER = Path(__file__).parents[1] / "histories" / "runs"
MINOR = "{}.{}".format(*sys.version_info)
MINUTE = timedelta(minutes=1)

shown = State("shown", 0)


class Full(Declined):
    """There is no more room."""

    limit: int


class Stop(Signal):
    """Come to an end."""


class Add(Update[int], raises=Full):
    """Put something in."""

    n: int


class Desk(Service, name="desk"):
    """Where things are done."""

    @operation(idempotent)
    async def give_back(self, n: int) -> None:
        """Undo a take."""

    @operation(compensated_by(give_back))
    async def take(self, n: int) -> int:
        """Take something."""
        return n

    @operation(read, raises=Full)
    async def look(self, n: int) -> int:
        """Look, or say that there is no more."""
        if n > 2:
            raise Full(2)
        return n

    @operation(irreversible)
    async def ship(self, n: int) -> int:
        """Ship something."""
        return n


@workflow
async def basket(total: int, *, desk: Desk) -> int:
    """Take updates, a generation for each two, until it is stopped."""
    for _ in range(2):
        match await receive(Add, Stop):
            case Add(n=n) as add if n > 5:
                add.refuse(Full(5))
            case Add(n=n) as add:
                total += await desk.look(min(n, 2))
                shown.set(total)
                add.answer(total)
            case _:
                return total
    return continue_as_new(total)


@workflow
async def child(n: int, *, desk: Desk) -> str:
    """Take something and draw an id."""
    return f"{await desk.take(n)} {uuid4()}"


@workflow
async def late(n: int, *, desk: Desk) -> int:
    """Sleep over the deadline in a saga."""
    async with saga():
        await desk.take(n)
        await asyncio.sleep(3600)
    return n


@workflow
async def family(n: int, *, runs: Runs) -> list[str]:
    """Run two children beside each other, and one after them."""
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            await runs.run(late, n, id="l", on_close="cancel")
    both = await asyncio.gather(*(runs.run(child, each, id=f"c{each}") for each in (n, n + 1)))
    return [*both, await runs.run(child, n + 2, id="c3")]


@workflow
async def changed(n: int, *, desk: Desk) -> int:
    """Go by patches, one of them on its way out."""
    deprecate_patch("old")
    if patched("new"):
        n = await desk.look(n)
    async with asyncio.timeout(10):
        await desk.ship(n)
    return n


@workflow
async def undone(n: int, *, desk: Desk) -> None:
    """Take two things beside each other, and be declined."""
    async with saga():
        await asyncio.gather(desk.take(n), desk.take(n + 1))
        await desk.look(9)


office = System("office", services=[Desk], workflows=[basket, child, family, late, changed, undone])


async def live(world: World) -> None:
    """Let a run of each workflow live, and one of them be reset."""
    run = await world.start(basket, 0, id="1")
    for n in (1, 2, 9, 2):
        with suppress(Full):
            await run.ask(Add(n))
    await run.send(Stop())
    runs: list[Run[Any]] = [
        run,
        await world.start(family, 1, id="1"),
        await world.start(late, 1, id="1", within=MINUTE),
        await world.start(changed, 1, id="1"),
        await world.start(undone, 1, id="1"),
    ]
    await world.advance(timedelta(hours=2))
    for each in runs:
        with suppress(RunFailed):
            await each.result()
    await world.host.engine.reset("undone", "1", at="start", who="ada", why="for the record")
    await world.settle()


async def record() -> list[bytes]:
    """Return the export of all that has lived."""
    with TemporaryDirectory() as folder:
        async with World(office, seed=4, store=Path(folder)) as world:
            await live(world)
        with closing(Store.open(Path(folder) / "engine.db", system="office", owner=False)) as store:
            return [line for row in store.list_runs(limit=100)[::-1] for line in exported(store, row, attributes={})]


def write() -> None:
    """Record on this Python."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{MINOR}.jsonl").write_bytes(b"".join(line + b"\n" for line in asyncio.run(record())))


if __name__ == "__main__":
    write()
