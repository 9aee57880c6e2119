"""Random starts, ends, cancellations, waits and crashes, beside a model of the queue that fits on a page."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.embedded.bakery import Finish, Pages, bake, bakery, begun, deliver
from weft.flow.runs import Run
from weft.model.run import RunStatus
from weft.model.workflow import Workflow
from weft.testing.world import World

Act: TypeAlias = tuple[str, int, str, int, int]
"""what is done, to the how-manieth, with which key, which priority, how many minutes later"""

MINUTE = timedelta(minutes=1)

acts = st.tuples(
    st.sampled_from(["start", "start", "start", "finish", "finish", "cancel", "wait"]),
    st.integers(0, 5),
    st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 5]),
)
crowds = st.lists(
    st.tuples(st.just("start"), st.just(0), st.sampled_from(["a", "b", "c"]), st.integers(0, 1), st.just(0)),
    min_size=5,
    max_size=9,
)


@dataclass
class Model:
    """What the queue should do: the highest priority first, keys in turn, of one key the first that came."""

    total: int | None
    each_key: int | None
    at_work: dict[str, str] = field(default_factory=dict)
    lines: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    later: list[tuple[int, str, str, int]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def has_room(self, key: str) -> bool:
        """Tell whether one more may begin."""
        mine = Counter(self.at_work.values())[key]
        is_full = bool(key) and self.each_key is not None and mine >= self.each_key
        return not is_full and (self.total is None or len(self.at_work) < self.total)

    def come(self, run: str, key: str, priority: int) -> None:
        """Take a run whose time has come; within a line the order is that of the starts."""
        line = self.lines.setdefault((priority, key), [])
        line.append(run)
        line.sort(key=int)
        self.let_in()

    def let_in(self) -> None:
        """Let in who may; a line of which one was let in goes behind all others."""
        while True:
            able = [line for line in self.lines if self.has_room(line[1])]
            if not able:
                return
            line = max(able, key=lambda each: each[0])  # the first of the highest
            waiting = self.lines.pop(line)
            run = waiting.pop(0)
            self.at_work[run] = line[1]
            self.begun.append(run)
            if waiting:
                self.lines[line] = waiting

    def end(self, run: str) -> None:
        """Take the end of a run, wherever it is."""
        self.at_work.pop(run, None)
        self.later = [each for each in self.later if each[1] != run]
        for line, waiting in list(self.lines.items()):
            if run in waiting:
                waiting.remove(run)
                if not waiting:
                    del self.lines[line]
        self.let_in()

    def tick(self, minute: int) -> None:
        """Let the time come of those that begin later, the earliest first."""
        due = sorted((each for each in self.later if each[0] <= minute), key=lambda each: (each[0], int(each[1])))
        for each in due:
            self.later.remove(each)
            self.come(*each[1:])


@dataclass
class Player:
    """Does the same to the world and to the model."""

    world: World
    pages: Pages
    flow: Workflow[str, str]
    model: Model
    runs: list[Run[str]] = field(default_factory=list)
    minute: int = 0

    async def play(self, act: Act) -> None:
        """Do one act, and compare."""
        what, number, key, priority, later = act
        if what == "start":
            await self.start(key, priority, later)
        elif what == "wait":
            self.minute += number
            await self.world.advance(number * MINUTE)
            self.model.tick(self.minute)
        else:
            await self.end(what, number)
        await self.world.settle()
        assert begun(self.pages) == self.model.begun

    async def start(self, key: str, priority: int, later: int) -> None:
        """Start a run in both."""
        run = str(len(self.runs))
        after = later * MINUTE
        self.runs.append(await self.world.start(self.flow, run, id=run, key=key, priority=priority, after=after))
        if later:
            self.model.later.append((self.minute + later, run, key, priority))
        else:
            self.model.come(run, key, priority)

    async def end(self, what: str, number: int) -> None:
        """End one that is at work in both, or cancel any."""
        names = list(self.model.at_work) if what == "finish" else [run.id for run in self.runs]
        if not names:
            return
        run = self.world.find(self.flow, names[number % len(names)])
        if (await self.world.story(run)).view.status.is_open:
            await (run.send(Finish()) if what == "finish" else run.cancel())
            await self.world.settle()
            self.model.end(run.id)

    async def finish_all(self) -> None:
        """Let everything that was started end."""
        await self.play(("wait", 60, "", 0, 0))
        while self.model.at_work:
            await self.play(("finish", 0, "", 0, 0))


async def played(flow: Workflow[str, str], listed: list[Act], crashes: list[int]) -> list[RunStatus]:
    """Play acts, crashing after the commits of these numbers; return how all runs ended."""
    pages = Pages()
    async with bakery(pages) as world:
        world.crashes = crashes.__contains__
        player = Player(world, pages, flow, Model(*flow.at_once))
        for act in listed:
            await player.play(act)
        await player.finish_all()
        return [(await world.story(run)).view.status for run in player.runs]


@settings(max_examples=40)
@given(st.sampled_from([bake, deliver]), crowds, st.lists(acts, max_size=12), st.lists(st.integers(1, 60), max_size=4))
def test_queue_does_what_its_model_does(
    flow: Workflow[str, str], crowd: list[Act], listed: list[Act], crashes: list[int]
) -> None:
    """Never more at once than allowed, never an idle place, nobody starves, all end: exactly as the model says."""
    statuses = asyncio.run(played(flow, crowd + listed, crashes))

    assert all(not status.is_open for status in statuses)
