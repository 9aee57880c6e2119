"""The workflows that perform programs; they use nothing but verbs and services, whatever engine they run on."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.engine.embedded.mill import Depot, Safe
from tests.programs.trees import Tree
from weft.flow.chance import random, uuid4
from weft.flow.continuing import continue_as_new, journal_nearly_full
from weft.flow.messages import receive
from weft.flow.patches import deprecate_patch, patched
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.flow.time import now
from weft.model.effect import idempotent
from weft.model.message import Signal, Update
from weft.model.offering import offers
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.workflow import workflow

KEEPER = "keeper"
PATIENCE = timedelta(seconds=50)
MOMENT_S = 0.05
shown = State("shown", 0)


class Odd(Declined):
    """What is odd is refused."""

    number: int


class Token(Signal):
    """Something to take."""


class Count(Update[int], raises=Odd):
    """Be told the number again, if it is even."""

    number: int


@workflow
async def keeper(asked: int) -> int:
    """Answer for ever, a generation for each two questions."""
    for _ in range(2):
        count = await receive(Count)
        asked += 1
        if count.number % 2:
            count.refuse(Odd(count.number))
        else:
            count.answer(count.number)
    return continue_as_new(asked)


@workflow
async def errand(key: str, *, safe: Safe) -> str:
    """Pay after a moment."""
    await asyncio.sleep(MOMENT_S)
    return await safe.pay(key)


class Booth(Service, name="booth"):
    """Offers errands."""

    @operation(idempotent)
    @offers(errand)
    async def run_errand(self, key: str) -> str:
        """Run an errand."""
        raise AssertionError(key)


@dataclass(frozen=True, slots=True)
class Part:
    """What is left to perform, generation by generation, and how the generations before have ended.

    Attributes:
        keeper: the run that is asked.
        second_ms: how long a second of the program takes.
        late_s: how late waits may be, in seconds of the program; `luck` decides how late each is.
    """

    program: str
    key: str
    ends: tuple[str, ...] = ()
    keeper: str = KEEPER
    second_ms: int = 1_000
    late_s: float = 0.0
    luck: int = 0


@workflow
async def perform(part: Part, *, depot: Depot, safe: Safe, booth: Booth, runs: Runs) -> str:
    """Perform a program: each generation under a saga, the last one's end being the run's."""
    first, *rest = json.loads(part.program)
    hand = _Hand(part, depot, safe, booth=booth, runs=runs)
    if not rest or journal_nearly_full():
        async with saga():
            return json.dumps([*part.ends, await hand.perform(first)])
    try:
        async with saga():
            end = json.dumps(await hand.perform(first))
    except Exception as error:  # noqa: BLE001 - what the program is about
        end = type(error).__name__
    return continue_as_new(replace(part, program=json.dumps(rest), ends=(*part.ends, end)))


class _Hand:
    """Performs the parts of one program."""

    def __init__(self, part: Part, depot: Depot, safe: Safe, *, booth: Booth, runs: Runs) -> None:
        self._part = part
        self._key = part.key
        self._depot = depot
        self._safe = safe
        self._booth = booth
        self._runs = runs

    async def perform(self, tree: Tree) -> Any:
        """Perform a part and tell how it ended."""
        kind, number, *rest = tree
        key = f"{self._key}.{number}"
        match kind:
            case "pay" | "burn":
                return await getattr(self._safe, kind)(key)
            case "none":
                return await self._safe.pay("none")
            case "put" | "look":
                return await getattr(self._depot, kind)(key)
            case "offered":
                return await self._booth.run_errand(key)
            case "chance":
                await self._depot.put(f"chance {key} {uuid4()} {random()} {now() > now() - PATIENCE}")
            case "patched" | "deprecated":
                return patched(f"patch {number}") if kind == "patched" else deprecate_patch(f"patch {number}")
            case "show":
                shown.set(number)
            case "fail":
                raise LookupError(key)
            case "refuse":
                raise Odd(number)
            case "take":
                return type(await receive(Token, within=PATIENCE * self._part.second_ms / 1_000)).__name__
            case "ask":
                return await self._runs.find(keeper, self._part.keeper).ask(Count(rest[0]))
            case "sleep":
                await asyncio.sleep(self._own(rest[0], number))
            case "run" | "start":
                return await self._have_child(kind, number, *rest)
            case _:
                return await self._around(kind, number, rest)
        return None

    async def _have_child(self, kind: str, number: int, within: int | None, *rest: Any) -> Any:
        closing, part = rest
        # A child rests before it begins: what happens at the time of its start has no order.
        program = json.dumps([["one by one", number, ["sleep", number, 1], part]])
        child = f"{self._key}.{number}"
        limit = None if within is None else timedelta(seconds=self._own(within, number))
        act = self._runs.run if kind == "run" else self._runs.start
        its = replace(self._part, program=program, key=child, ends=())
        ended = await act(perform, its, id=child, within=limit, on_close=closing)
        return ended if kind == "run" else "started"

    async def _around(self, kind: str, number: int, rest: list[Any]) -> Any:
        match kind:
            case "one by one":
                return [await self.perform(each) for each in rest]
            case "all at once":
                return await _together([self.perform(each) for each in rest])
            case "group":
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(self.perform(rest[0]))
                return task.result()
            case "saga":
                async with saga():
                    return await self.perform(rest[0])
            case "shield":
                return await asyncio.shield(self.perform(rest[0]))
            case "limit":
                async with asyncio.timeout(self._own(rest[0], number)):
                    return await self.perform(rest[1])
            case "wait for":
                return await asyncio.wait_for(self.perform(rest[1]), self._own(rest[0], number))
            case "race":
                return await self._race(self._own(rest[0], number), rest[1])
            case _:
                return await self._try(rest[0])

    async def _race(self, seconds: float, part: Tree) -> Any:
        runner = asyncio.create_task(self.perform(part))
        pause = asyncio.create_task(asyncio.sleep(seconds))
        done, late = await asyncio.wait({runner, pause}, return_when=asyncio.FIRST_COMPLETED)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return runner.result() if runner in done else "too late"

    async def _try(self, part: Tree) -> Any:
        try:
            return await self.perform(part)
        except Exception as error:  # noqa: BLE001 - what the program is about
            return type(error).__name__

    def _own(self, seconds: int, number: int) -> float:
        """Return a time that no other node waits for: of two things due at once, which comes first is nobody's."""
        part = self._part
        late_s = part.late_s and part.late_s * zlib.crc32(f"{part.luck} {seconds} {number}".encode()) / (1 << 32)
        return (seconds + number / 100 + number * number / 10_000 + late_s) * part.second_ms / 1_000


async def _together(parts: list[Any]) -> list[Any]:
    """Perform parts at once, each to its end, and raise the first failure: which one does not depend on their order."""
    ends = await asyncio.gather(*parts, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return ends
