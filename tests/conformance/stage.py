"""A System that uses every verb of workflows, on a service that writes down what reaches it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from weft.errors import CallFailed, RunFailed
from weft.flow.chance import random, uuid4
from weft.flow.continuing import continue_as_new, journal_nearly_full
from weft.flow.messages import receive
from weft.flow.patches import patched
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.flow.time import now
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.message import Signal, Update
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

SHORT = timedelta(milliseconds=40)
LONG = timedelta(hours=1)


class Full(Declined):
    """There is no room for a thing."""

    thing: str


class Desk(Service, name="desk"):
    """Takes things and writes down what was asked of it; its lines are what a test looks at.

    Attributes:
        lines: what was done, in order.
        broken: how often attempts about a thing still fail.
        held: operations on these things wait until they are let go.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.broken: Counter[str] = Counter()
        self.held: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = {}

    def hold(self, thing: str) -> asyncio.Event:
        """Let operations on a thing wait; return what tells that one has come."""
        self.held[thing] = asyncio.Event()
        self.reached[thing] = asyncio.Event()
        return self.reached[thing]

    async def _do(self, line: str, thing: str) -> None:
        if thing in self.held:
            self.reached[thing].set()
            await self.held[thing].wait()
        if self.broken[thing] > 0:
            self.broken[thing] -= 1
            self.lines.append(f"broken {line}")
            raise OSError(thing)
        self.lines.append(line)

    @operation(read)
    async def look(self, thing: str) -> int:
        """Count what was done to a thing."""
        return sum(line.endswith(f" {thing}") for line in self.lines)

    @operation(idempotent)
    async def note(self, thing: str) -> str:
        """Write a thing down."""
        await self._do(f"note {thing}", thing)
        return thing.upper()

    @operation(idempotent)
    async def give_back(self, thing: str) -> None:
        """Give a thing back."""
        await self._do(f"give back {thing}", thing)

    @operation(compensated_by(give_back), raises=Full)
    async def take(self, thing: str) -> None:
        """Take a thing."""
        if thing == "elephant":
            raise Full(thing)
        await self._do(f"take {thing}", thing)

    @operation(read)
    async def sent(self, thing: str) -> bool | None:
        """Tell whether a thing was sent."""
        return True if f"send {thing}" in self.lines else None

    @operation(irreversible(asks="sent"))
    async def send(self, thing: str) -> bool:
        """Send a thing away."""
        await self._do(f"send {thing}", thing)
        return True


class Word(Signal):
    """Something said."""

    text: str


class Question(Update[str], raises=Full):
    """Something asked."""

    text: str


heard = State("heard", ["nothing"], kind=list[str])


@workflow
async def in_turn(count: int, *, desk: Desk) -> list[str]:
    """Note one thing after the other."""
    return [await desk.note(f"thing-{number}") for number in range(count)]


@workflow
async def side_by_side(count: int, *, desk: Desk) -> list[str]:
    """Note things at once, and more in a task group behind them."""
    first = await asyncio.gather(*(desk.note(f"left-{number}") for number in range(count)))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(desk.note(f"right-{number}")) for number in range(count)]
    return [*first, *(task.result() for task in tasks)]


@workflow
async def trip(last: str, *, desk: Desk) -> str:
    """Take three things; what was taken is given back if a later one is not to be had."""
    async with saga():
        await desk.take("hat")
        await desk.take("coat")
        try:
            await desk.take(last)
        except Full as full:
            return f"full: {full.thing}"
        if last == "stone":
            message = "too heavy"
            raise ValueError(message)
    return "gone"


@workflow
async def strict_trip(last: str, *, desk: Desk) -> None:
    """Take two things in a saga that fails with the second."""
    async with saga():
        await desk.take("hat")
        await desk.take(last)


@workflow
async def naps(count: int) -> bool:
    """Sleep some times; tell whether time has passed as it was said."""
    began = now()
    for _ in range(count):
        await asyncio.sleep(SHORT.total_seconds())
    return now() - began >= count * SHORT


@workflow
async def impatient(thing: str, *, desk: Desk) -> str:
    """Note a thing, but do not wait for it for long."""
    try:
        async with asyncio.timeout(SHORT.total_seconds()):
            return await desk.note(thing)
    except TimeoutError:
        return "late"


@workflow
async def hasty(thing: str, *, desk: Desk) -> None:
    """Take a thing in a saga, but do not wait for it for long."""
    async with saga(), asyncio.timeout(10 * SHORT.total_seconds()):
        await desk.take(thing)


@workflow
async def listener(count: int) -> list[str]:
    """Hear some words and answer questions between them."""
    words: list[str] = []
    while len(words) < count:
        match await receive(Word, Question):
            case Word(text=text):
                words.append(text)
                heard.set(list(words))
            case Question(text="elephant") as question:
                question.refuse(Full("elephant"))
            case question:
                question.answer(f"{question.text}: {len(words)}")
    return words


@workflow
async def patient(within_ms: int) -> str:
    """Wait for a word, but not for ever."""
    try:
        word = await receive(Word, within=timedelta(milliseconds=within_ms))
    except TimeoutError:
        return "silence"
    return word.text


@workflow
async def sleeper(thing: str, *, desk: Desk) -> None:
    """Take a thing and sleep for an hour on it."""
    async with saga():
        await desk.take(thing)
        await asyncio.sleep(LONG.total_seconds())


@workflow
async def stubborn(thing: str, *, desk: Desk) -> str:
    """Take no notice of a cancellation."""
    try:
        await asyncio.sleep(LONG.total_seconds())
    except asyncio.CancelledError:
        await desk.note(thing)
    return "done all the same"


@workflow
async def generations(left: int) -> list[str]:
    """Live on as long as there is something left, and tell which words came meanwhile."""
    if left:
        heard.set([f"{left} left"])
        continue_as_new(left - 1)
    return [(await receive(Word)).text]


@workflow
async def roomy(count: int) -> list[bool]:
    """Tell some times whether it is time to continue as new."""
    return [journal_nearly_full() for _ in range(count)]


@workflow
async def chances(count: int) -> list[str]:
    """Throw dice."""
    return [f"{uuid4()} {random()}" for _ in range(count)]


@workflow
async def parent(child_id: str, *, runs: Runs) -> list[str]:
    """Let a child take turns."""
    return await runs.run(in_turn, 2, id=child_id)


@workflow
async def parent_of_failure(child_id: str, *, runs: Runs) -> str:
    """Let a child fail and tell how."""
    try:
        await runs.run(trip, "stone", id=child_id)
    except RunFailed as failed:
        return failed.kind
    return "nothing"


@workflow
async def parent_for_a_while(child_id: str, *, runs: Runs) -> str:
    """Wait for a child that sleeps, but not for long."""
    try:
        async with asyncio.timeout(5 * SHORT.total_seconds()):
            await runs.run(sleeper, "pillow", id=child_id)
    except TimeoutError:
        return "left"
    return "never"


@workflow
async def caller(listener_id: str, *, runs: Runs) -> str:
    """Say a word to a run and ask it something."""
    found = runs.find(listener, listener_id)
    await found.send(Word("hello"))
    return await found.ask(Question("how many"))


@workflow
async def careful(thing: str, *, desk: Desk) -> str:
    """Send a thing, and tell how that went."""
    try:
        return f"sent: {await desk.send(thing)}"
    except CallFailed as failed:
        return type(failed).__name__


@workflow
async def mended(thing: str, *, desk: Desk) -> str:
    """Go the new way where the run is new."""
    return await desk.note(f"new {thing}" if patched("new-way") else thing)


@workflow
async def broken(text: str) -> None:
    """Fail."""
    raise ValueError(text)


stage = System(
    "stage",
    services=[Desk],
    workflows=[
        in_turn, side_by_side, trip, strict_trip, naps, impatient, hasty, listener, patient, sleeper, stubborn,
        generations, chances, roomy, parent, parent_of_failure, parent_for_a_while, caller, careful, mended, broken,
    ],
)  # fmt: skip
