"""The two engines that trials are performed on, each with the same services, faults and messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from differential.endings import STUCK, End, Ending, ending_of, lines_of
from differential.faults import OPERATIONS, Faults
from differential.trials import Trial, children_of, trees_by_run
from tests.engine.embedded.mill import HOUR, Books, Depot, Mill, Safe, Script
from tests.programs.interpreter import Booth, Part, Token, errand, keeper, perform, shown
from weft.clock import Clock
from weft.codec import codec_for
from weft.errors import RunClosed, RunFailed, RunNotFound
from weft.faults.decision import chance
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.system import System

WORKFLOWS = (perform, keeper, errand)
SECONDS = 400
"""Of a program, after which a run that has not ended is held to be stuck; then some of the engine's own."""

SPARE_S = 60.0
STARTS_AT_ONCE = 6
"""Programs that begin at one time: more of them would be late from their first step on."""


def _nobody(_: Trial) -> None:
    """Hear that a trial is over, and do nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What both engines are told alike.

    Attributes:
        name: stands before every id; no two stages on one server share one.
        seed: decides the faults.
        second_ms: how long a program's second takes.
        at_once: how many programs at most.
        over: is told each trial that has ended on Temporal.
        late_s: how late each wait and each call may be, in seconds of the program; for the virtual clock.
        luck: decides how late each is.
    """

    name: str
    seed: int
    second_ms: int
    at_once: int = 200
    over: Callable[[Trial], object] = field(default=_nobody)
    late_s: float = 0.0
    luck: int = 0

    def id_of(self, trial: Trial, run: str = "") -> str:
        """Return the id of a trial's run."""
        return f"{self.name}-{trial.number}{run}"

    def keeper_of(self, trial: Trial) -> str:
        """Return the id of the run that a trial asks."""
        return f"{self.name}-{trial.number}-keeper"

    async def begin(self, host: Host, trial: Trial) -> None:
        """Start a trial and tell it its messages, each under an id of its own."""
        asked, own = self.keeper_of(trial), self.id_of(trial)
        if trial.asks:
            await host.start(keeper, 0, id=asked)
        part = Part(trial.text, own, keeper=asked, second_ms=self.second_ms, late_s=self.late_s, luck=self.luck)
        await host.start(perform, part, id=own)
        word = codec_for(Token).encode(Token())
        for number in range(trial.words):
            try:
                await host.engine.send(perform.name, own, kind="Token", data=word, message_id=f"token {number}")
            except RunClosed:
                return

    def script(self, trials: Sequence[Trial], script: Script) -> Faults:
        """Let a script strike the attempts of trials."""
        faults = Faults(self.seed, self.name)
        faults.spared = {each.number for each in trials if not each.faults}
        for name in OPERATIONS:
            script.on(name, always=faults)
        return faults


async def end_of(host: Host, stage: Stage, trial: Trial, *, name: str) -> End | None:
    """Wait for the end of a trial's run and return it, without the name of the stage; nothing if there is none."""
    run = host.find(perform, stage.id_of(trial, name))
    try:
        result = await run.result()
    except RunNotFound:
        return None
    except RunFailed as failed:
        text = f"{failed.kind} {failed.refused.decode()}".strip()
        return type(failed).__name__, text.replace(stage.id_of(trial), "")
    return "completed", f"{result.replace(stage.id_of(trial), '')} showing {await run.read(shown)}"


async def ends_of(host: Host, stage: Stage, trial: Trial) -> dict[str, End]:
    """Wait for every run of a trial: what a run has started it has started when it ends."""
    found: dict[str, End] = {}
    trees = trees_by_run(trial)
    left = [""]
    while left:
        name = left.pop()
        end = await end_of(host, stage, trial, name=name)
        if end is not None:
            found[name] = end
            left += [f"{name}.{child}" for tree in trees[name] for child in children_of(tree)]
    return found


async def on_embedded(stage: Stage, trials: Sequence[Trial]) -> dict[int, Ending]:
    """Perform trials on a store of their own; time is virtual, and calls take none."""
    with TemporaryDirectory() as folder:
        async with Mill(Path(folder), *WORKFLOWS, services=(Booth,)) as mill:
            faults = stage.script(trials, mill.script)
            if stage.late_s:
                faults.delay = partial(_be_late, mill.clock, stage)
            for trial in trials:
                await stage.begin(mill.host, trial)
            await _pass_time(mill, stage, trials)
            runs = {trial.number: await ends_of(mill.host, stage, trial) for trial in trials}
            lines = lines_of(mill.books.lines, stage.name)
            return {each.number: ending_of(each, runs[each.number], lines.get(each.number, [])) for each in trials}


async def _be_late(clock: Clock, stage: Stage, call: str) -> None:
    late_ms = chance(stage.luck, call) * stage.late_s * stage.second_ms
    await clock.sleep(timedelta(milliseconds=late_ms))


async def _pass_time(mill: Mill, stage: Stage, trials: Sequence[Trial]) -> None:
    passed = timedelta()
    cancelled = [each for each in trials if each.cancel_after is not None]
    for trial in sorted(cancelled, key=lambda each: each.cancel_after or 0.0):
        due = _cancel_after(trial, stage)
        await mill.spend(due - passed)
        passed = due
        await mill.host.find(perform, stage.id_of(trial)).cancel("enough")
    await mill.spend(HOUR)


def _cancel_after(trial: Trial, stage: Stage) -> timedelta:
    return timedelta(milliseconds=(trial.cancel_after or 0.0) * stage.second_ms)


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of trials on Temporal.

    Attributes:
        endings: by trial.
        late_ms: how long the call was on its way that took longest, of all trials.
    """

    endings: dict[int, Ending]
    late_ms: int


async def on_temporal(stage: Stage, trials: Sequence[Trial], *, address: str) -> Performed:
    """Perform trials on a server, side by side, in real time."""
    books, script = Books(), Script()
    faults = stage.script(trials, script)
    turns, starts = asyncio.Semaphore(stage.at_once), asyncio.Semaphore(STARTS_AT_ONCE)
    url = f"temporal://{address}/default?task_queue={stage.name}"
    with TemporaryDirectory() as folder:
        system = System("mill", services=[Depot, Safe, Booth], workflows=list(WORKFLOWS))
        async with _host(system, Settings(engine=url, store=folder), books, script=script) as host:

            async def one(trial: Trial) -> dict[str, End]:
                async with turns:
                    runs = await _perform(host, stage, trial, starts=starts)
                stage.over(trial)
                return runs

            runs = await asyncio.gather(*map(one, trials))
    lines = lines_of(books.lines, stage.name)
    endings = {
        trial.number: ending_of(trial, ends, lines.get(trial.number, []))
        for trial, ends in zip(trials, runs, strict=True)
    }
    return Performed(endings, faults.late_ms)


def _host(system: System, settings: Settings, books: Books, *, script: Script) -> Host:
    @asynccontextmanager
    async def provide(service: str, url: str) -> AsyncGenerator[Books]:
        del service, url
        yield books

    return Host(system, settings=settings, providers={Books: provide}, policies=[script])


async def _perform(host: Host, stage: Stage, trial: Trial, *, starts: asyncio.Semaphore) -> dict[str, End]:
    try:
        async with asyncio.timeout(SECONDS * stage.second_ms / 1_000 + SPARE_S):
            async with starts:
                await stage.begin(host, trial)
                await host.find(perform, stage.id_of(trial)).read(shown)  # answered once the run has begun
            if trial.cancel_after is not None:
                await asyncio.sleep(_cancel_after(trial, stage).total_seconds())
                await host.find(perform, stage.id_of(trial)).cancel("enough")
            return await ends_of(host, stage, trial)
    except TimeoutError:
        return {"": STUCK}
    finally:
        if trial.asks:
            await host.engine.terminate(keeper.name, stage.keeper_of(trial), who="differential", why="it is over")
