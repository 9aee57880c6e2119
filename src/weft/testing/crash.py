"""Crash a workflow after every commit, once and every time, and check that it ends as it does undisturbed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, TypeVar, Unpack

from weft.errors import PropertyBroken
from weft.flow.runs import Run
from weft.flow.state import State
from weft.host.bindings import Provider
from weft.model.effect import EffectKind
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.system import System
from weft.model.workflow import Workflow
from weft.testing.world import World

I = TypeVar("I")  # noqa: E741 - a type variable, named as in the model

RUN_ID = "crashed"
A_YEAR = timedelta(days=365)


class CrashOptions(TypedDict, total=False):
    """What a crash test may be told beside the workflow and its input.

    Attributes:
        signals: told to the run, each once so much time has passed since its start, in order of time.
        states: compared at the end; a run whose states differ is broken.
        faults: orders faults in a world before the run is started.
        within: how much virtual time the run has; a year where nothing is said.
        seed: of every world.
        replace: makes instances in place of services, anew for each undisturbed or disturbed run.
        providers: as of a World.
    """

    signals: Sequence[tuple[timedelta, Signal]]
    states: Sequence[State[Any]]
    faults: Callable[[World], None]
    within: timedelta
    seed: int
    replace: Callable[[], Mapping[type[Any], object]]
    providers: Mapping[Any, Provider]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        status: open if it did not end in its time.
        result: its result's bytes, or the reason of its failure, or what it waits for.
        applied: how often each operation with an effect was applied; of a service that does not promise exactly
            once, only whether it was.
        states: what the run showed last, by name.
    """

    status: RunStatus
    result: bytes | str
    applied: Mapping[str, int]
    states: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What a crash test did.

    Attributes:
        ending: how every one of the runs ended.
        commits: of the undisturbed run: after each of them it was crashed.
        lives: of the run that was crashed after every commit.
    """

    ending: Ending
    commits: int
    lives: int


async def crash_everywhere(
    system: System, workflow: Workflow[I, Any], data: I, /, **options: Unpack[CrashOptions]
) -> CrashReport:
    """Run a workflow undisturbed, crashed after each of its commits, and crashed after every commit there is.

    A crash drops all memory before anything leaves that the commit allowed, and opens the world again from disk. Every
    run has to end alike: status, result, states, and each effect applied as often as undisturbed.

    Args:
        system: the system that the workflow is part of.
        workflow: the workflow.
        data: its input.
        options: see CrashOptions.

    Raises:
        PropertyBroken: One of them ended otherwise, or did not end; `data` has `commit`, `expected` and `found`.
    """
    start = _Start(system, workflow, data, options)
    expected, commits, _ = await _run(start, lambda _: False)
    if expected.status.is_open:
        raise PropertyBroken(f"undisturbed, the run has not ended in its time: {expected.result}", where=workflow.where)
    for commit in range(1, commits + 1):
        found, _, _ = await _run(start, commit.__eq__)
        _compare(expected, found, commit=commit)
    found, _, lives = await _run(start, lambda _: True)
    _compare(expected, found, commit=None)
    return CrashReport(expected, commits, lives)


@dataclass(frozen=True, slots=True)
class _Start:
    """What every run begins with."""

    system: System
    workflow: Workflow[Any, Any]
    data: object
    options: CrashOptions


async def _run(start: _Start, crashes: Callable[[int], bool]) -> tuple[Ending, int, int]:
    """Run to the end in a world of its own; return the ending, how many commits and how many lives it took."""
    options = start.options
    instances = options["replace"]() if "replace" in options else None
    world = World(start.system, seed=options.get("seed", 0), replace=instances, providers=options.get("providers"))
    async with world:
        if "faults" in options:
            options["faults"](world)
        world.crashes = crashes
        run = await world.start(start.workflow, start.data, id=RUN_ID)
        ended = asyncio.ensure_future(run.result())
        try:
            await _tell(world, run, options.get("signals", ()))
            await _finish(world, ended, options.get("within", A_YEAR))
            # What is committed after the end may be crashed, too; the books are read once nothing moves.
            await world.settle()
            world.crashes = None
            return await _ending(world, run, start), world.commits, world.lives
        finally:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)


async def _tell(world: World, run: Run[Any], signals: Sequence[tuple[timedelta, Signal]]) -> None:
    passed = timedelta()
    for after, signal in signals:
        await world.advance(after - passed)
        passed = after
        await run.send(signal)


async def _finish(world: World, ended: asyncio.Future[Any], within: timedelta) -> None:
    until_ms = world.clock.now_ms() + within // timedelta(milliseconds=1)
    await world.settle()
    while not ended.done() and await world.jump(until_ms):
        pass


async def _ending(world: World, run: Run[Any], start: _Start) -> Ending:
    story = await world.story(run)
    status = story.view.status
    result: bytes | str = story.waiting_for if status.is_open else story.view.reason
    if status is RunStatus.COMPLETED:
        result = story.result or b""
    states = {
        state.name: await world.host.engine.read(run.workflow, run.id, state.name)
        for state in start.options.get("states", ())
    }
    return Ending(status, result, _applied(world, start.system), states)


def _applied(world: World, system: System) -> dict[str, int]:
    applied: Counter[str] = Counter()
    for (target, call_id), count in world.ledger.all_applied().items():
        operation = system.operations[target]
        if operation.kind is EffectKind.READ:
            continue
        if operation.exactly_once:
            if count > 1:
                raise PropertyBroken(f"the effect {call_id} was applied {count} times", where=operation.where)
            applied[target] += 1
        else:
            applied[target] = 1
    return dict(applied)


def _compare(expected: Ending, found: Ending, *, commit: int | None) -> None:
    if expected == found:
        return
    when = "crashed after every commit" if commit is None else f"crashed after commit {commit}"
    differences = [
        f"{name} is {_shown(found, name)} and was {_shown(expected, name)}"
        for name in ("status", "result", "applied", "states")
        if getattr(found, name) != getattr(expected, name)
    ]
    what = f"the run {when} ended otherwise than undisturbed: {'; '.join(differences)}"
    raise PropertyBroken(what, commit=commit, expected=expected, found=found)


def _shown(ending: Ending, name: str) -> str:
    value = getattr(ending, name)
    return value.label if isinstance(value, RunStatus) else repr(value)
