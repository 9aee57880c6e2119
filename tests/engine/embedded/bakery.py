"""A bakery with few ovens: workflows that wait for their turn, and a diary of what began when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.runs import Run, Runs
from weft.flow.time import now
from weft.model.effect import idempotent
from weft.model.message import Signal, Update
from weft.model.operation import operation
from weft.model.run import RunStatus
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import Workflow, workflow
from weft.testing.world import World

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
BEGIN = "begin "
"""What a line of the diary starts with that tells of a beginning."""


class Finish(Signal):
    """It is done."""


class Again(Signal):
    """Bake one more as a new generation."""


class Taste(Update[str]):
    """How is it?"""


@dataclass
class Pages:
    """What was written, over all lives."""

    lines: list[str] = field(default_factory=list)


class Diary(Service):
    """Writes down what begins; told twice it writes once."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @operation(idempotent)
    async def note(self, line: str) -> None:
        """Write a line, once."""
        if line not in self.pages.lines:
            self.pages.lines.append(line)


@workflow(at_once=2)
async def bake(cake: str, *, diary: Diary) -> str:
    """Bake until it is done; there are two ovens."""
    await diary.note(f"{BEGIN}{cake}")
    while True:
        match await receive(Finish, Again, Taste):
            case Taste() as taste:
                taste.answer(f"{cake} is good")
            case Again():
                continue_as_new(cake)
            case _:
                return cake


@workflow(at_once=4, at_once_per_key=1)
async def deliver(parcel: str, *, diary: Diary) -> str:
    """Deliver for an hour; there are four carts, and one for each customer."""
    await diary.note(f"{BEGIN}{parcel}")
    await receive(Finish)
    return parcel


@workflow
async def clean(room: str, *, diary: Diary) -> str:
    """Clean without a limit, and say when."""
    await diary.note(f"{BEGIN}{room}")
    return f"{now():%H:%M}"


@workflow
async def order(cakes: str, *, runs: Runs) -> str:
    """Start a run for each cake, one a minute, the last customer first; wait for none."""
    for number, cake in enumerate(cakes.split()):
        after = timedelta(minutes=number)
        await runs.start(bake, cake, id=cake, key=cake[0], priority=number, after=after)
    return cakes


SYSTEM = System("bakery", services=[Diary], workflows=[bake, deliver, clean, order])


def bakery(pages: Pages, folder: Path | None = None, *, system: System = SYSTEM) -> World:
    """Return a world of the bakery; its pages outlive it."""
    return World(system, seed=3, replace={Diary: Diary(pages)}, store=folder)


def begun(pages: Pages) -> list[str]:
    """Return what has begun, in order."""
    return [line.removeprefix(BEGIN) for line in pages.lines]


async def start(world: World, flow: Workflow[str, str], *cakes: str) -> list[Run[str]]:
    """Start a run for each, one after the other; the first letter is its key."""
    return [await world.start(flow, cake, id=cake, key=cake[0]) for cake in cakes]


async def finish(world: World, flow: Workflow[str, str], *cakes: str) -> None:
    """Let runs end, one after the other."""
    for cake in cakes:
        await world.find(flow, cake).send(Finish())
        await world.settle()


async def status(world: World, run: Run[str]) -> RunStatus:
    """Return where a run stands."""
    return (await world.story(run)).view.status
