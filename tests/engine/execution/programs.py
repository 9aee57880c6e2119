"""Random programs: workflows as data, the one workflow that performs them, and what decides what happens to them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from hypothesis import strategies as st

from tests.engine.execution.desk import Desk, Ping, Pong
from tests.engine.execution.driver import Driver, short
from weft.engine.execution.commands import CallIssued
from weft.engine.execution.execution import Execution
from weft.engine.execution.loop import RunTask
from weft.engine.execution.scopes import Scope
from weft.flow.ambient import current_run
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.model.workflow import Workflow, workflow

STEPS = 400
"""A program of this size that has not ended after so many entries never will."""

Tree = tuple[Any, ...]
"""A program before its nodes are numbered: a kind, then its value or its parts."""


@dataclass(eq=False)
class Node:
    """A part of a program.

    Attributes:
        number: unique in its program; a call's argument.
        sagas: numbers of the sagas around it, outermost first.
    """

    kind: str
    number: int
    value: Any
    parts: list[Node]
    sagas: tuple[int, ...]

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass
class Program:
    """A numbered program.

    Attributes:
        scopes: of its sagas, by number, as they were entered.
        refused: numbers of the calls that were made under a closed saga.
    """

    root: Node
    scopes: dict[int, Scope] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)

    @property
    def flow(self) -> Workflow[int, None]:
        """Return the workflow that performs the program."""

        @workflow
        async def flow(_n: int, *, desk: Desk) -> None:
            await _perform(self.root, desk, self)

        return flow

    def __repr__(self) -> str:
        return f"Program({_show(self.root)})"


def _show(node: Node) -> str:
    inside = [repr(node.value)] if node.value is not None else []
    return f"{node.kind}{node.number}({', '.join(inside + [_show(part) for part in node.parts])})"


def numbered(tree: Tree) -> Program:
    """Return a program from a tree."""
    count = iter(range(1_000))

    def build(tree: Tree, sagas: tuple[int, ...]) -> Node:
        kind, *rest = tree
        node = Node(kind, next(count), None, [], sagas)
        inside = (*sagas, node.number) if kind == "saga" else sagas
        for each in rest:
            if isinstance(each, tuple):
                node.parts.append(build(each, inside))
            else:
                node.value = each
        return node

    return Program(build(tree, ()))


def _is_refused(scope: Scope | None, entry: int) -> bool:
    """Tell whether a call here must be refused; a saga that has shipped is let go forward under a closed one."""
    while scope is not None and not scope.closed:
        if scope.parent is not None and not scope.merged and any(each.entry < entry for each in scope.pivots):
            return False
        scope = scope.parent
    return scope is not None


async def _perform(node: Node, desk: Desk, program: Program) -> None:
    def run(part: Node) -> Any:
        return _perform(part, desk, program)

    match node.kind:
        case "call":
            task, execution = cast("RunTask", asyncio.current_task()), cast("Execution", current_run.get())
            if _is_refused(task.scope, execution.entries):
                program.refused.add(node.number)
            await getattr(desk, node.value)(node.number)
        case "sleep":
            await asyncio.sleep(node.value / 1_000)
        case "receive":
            kinds, within = (Ping, Pong) if node.number % 2 else (Ping,), node.value
            await receive(*kinds, within=None if within < 0 else timedelta(milliseconds=within))
        case "fail":
            raise ValueError(node.number)
        case "saga":
            async with saga():
                program.scopes[node.number] = cast("RunTask", asyncio.current_task()).scope
                await run(node.parts[0])
        case _:
            await _AROUND[node.kind](node, run)


async def _sequence(node: Node, run: Callable[[Node], Any]) -> None:
    for part in node.parts:
        await run(part)


async def _gather(node: Node, run: Callable[[Node], Any]) -> None:
    await asyncio.gather(*(run(part) for part in node.parts))


async def _group(node: Node, run: Callable[[Node], Any]) -> None:
    async with asyncio.TaskGroup() as group:
        for part in node.parts:
            group.create_task(run(part))


async def _timeout(node: Node, run: Callable[[Node], Any]) -> None:
    async with asyncio.timeout(node.value / 1_000):
        await run(node.parts[0])


async def _wait_for(node: Node, run: Callable[[Node], Any]) -> None:
    await asyncio.wait_for(run(node.parts[0]), node.value / 1_000)


async def _attempt(node: Node, run: Callable[[Node], Any]) -> None:
    try:
        await run(node.parts[0])
    except Exception:  # noqa: BLE001 - whatever the program does
        await run(node.parts[1])


async def _swallow(node: Node, run: Callable[[Node], Any]) -> None:
    try:
        await run(node.parts[0])
    except asyncio.CancelledError:
        await run(node.parts[1])


async def _cancel(node: Node, run: Callable[[Node], Any]) -> None:
    task = asyncio.create_task(run(node.parts[0]))
    await run(node.parts[1])
    task.cancel()
    await asyncio.wait([task])


async def _first(node: Node, run: Callable[[Node], Any]) -> None:
    tasks = [asyncio.create_task(run(part)) for part in node.parts]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


async def _shield(node: Node, run: Callable[[Node], Any]) -> None:
    await asyncio.shield(run(node.parts[0]))


async def _spawn(node: Node, run: Callable[[Node], Any]) -> None:
    task = asyncio.create_task(run(node.parts[0]))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    await asyncio.sleep(0)


_AROUND: dict[str, Callable[[Node, Callable[[Node], Any]], Awaitable[None]]] = {
    "sequence": _sequence,
    "gather": _gather,
    "group": _group,
    "timeout": _timeout,
    "wait_for": _wait_for,
    "attempt": _attempt,
    "swallow": _swallow,
    "cancel": _cancel,
    "first": _first,
    "shield": _shield,
    "spawn": _spawn,
}

_calls = st.sampled_from(["look", "note", "reserve", "charge", "reserve", "ship"]).map(lambda name: ("call", name))
_sleeps = st.sampled_from([0, 1, 2, 5]).map(lambda delay: ("sleep", delay))
_receives = st.sampled_from([-1, 0, 3]).map(lambda within: ("receive", within))
_several = ["sequence", "sequence", "gather", "group"]


def _calm(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.tuples(st.sampled_from(_several), parts, parts) | st.tuples(st.just("sequence"), parts, parts, parts)
    return several | st.tuples(st.sampled_from(["saga", "shield"]), parts)


def _wild(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    bounded = st.tuples(st.sampled_from(["timeout", "wait_for"]), st.sampled_from([0, 2, 4]), parts)
    pairs = st.tuples(st.sampled_from(["attempt", "swallow", "cancel", "first"]), parts, parts)
    return _calm(parts) | st.tuples(st.just("saga"), parts) | bounded | pairs | st.tuples(st.just("spawn"), parts)


calm_programs = st.recursive(_calls | _sleeps, _calm, max_leaves=8).map(numbered)
"""Programs without races: nothing in them depends on what comes first."""

programs = st.recursive(_calls | _calls | _sleeps | _receives | st.just(("fail",)), _wild, max_leaves=9).map(numbered)
"""Programs of everything that a workflow may do."""


@dataclass(frozen=True)
class Fate:
    """What decides everything that happens to a program; each decision depends on its seed and the journal only."""

    seed: int
    kind: bool = False
    cancels: int = 1

    def chance(self, *about: object) -> int:
        """Return a number of 32 bits."""
        return zlib.crc32(repr((self.seed, *about)).encode())

    def outcome(self, command: CallIssued) -> str:
        """Return how a call ends; it depends on the call alone, so that interleavings do not change it."""
        if self.kind or command.undoes:
            return "reply"
        endings = ["reply", "reply", "reply", "refuse", "not_done", "unknown"]
        ending = endings[self.chance(command.arguments) % len(endings)]
        return "not_done" if ending == "unknown" and command.target == "desk.ship" else ending

    def live(self, run: Driver) -> None:
        """Let the next thing happen to a run."""
        step = len(run.journal)
        acts: list[Callable[[], object]] = [self._ending(run, command) for command in run.open.values()]
        if run.timers:
            acts.append(run.fire)
        waits = not acts
        if waits or (not self.kind and self.chance(step, "?") % 5 == 0):
            told = sum(type(each.entry).__name__ == "CancelAsked" for each in run.journal)
            if waits or told < self.cancels:
                acts.append(run.cancel)
            signal = (Ping if self.chance(step, "kind") % 2 else Pong)(step)
            acts.append(lambda: run.send(signal))
        acts[self.chance(step) % len(acts)]()

    def _ending(self, run: Driver, command: CallIssued) -> Callable[[], object]:
        return lambda: getattr(run, self.outcome(command))(short(command.path))
