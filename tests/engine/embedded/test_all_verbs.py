"""Random programs over every verb, on the real engine: crashed, evicted, delayed, repeated and off the clock."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.embedded.jump_clock import JumpClock
from tests.engine.embedded.mill import HOUR, Mill
from tests.programs.interpreter import KEEPER, Booth, Count, Odd, Part, Token, errand, keeper, perform
from tests.programs.trees import programs, takes
from weft.codec import codec_for
from weft.errors import RunClosed, StoreFailed
from weft.model.call import Call, Handler, Outcome

ROOT = "p"
OPERATIONS = ("pay", "refund", "burn", "put", "look")
TURNS = 40
ALL = (perform, keeper, errand)

Disturb: TypeAlias = Callable[[Mill], Awaitable[None]]


class Ends(NamedTuple):
    """How everything ended: each run by name with status, result and reason, and what was paid and put."""

    runs: dict[str, tuple[str, bytes | None, str]]
    paid: Counter[str]


def mill_in(folder: str, clock: JumpClock | None = None) -> Mill:
    """Return a mill with the workflows that perform programs."""
    return Mill(Path(folder), *ALL, services=(Booth,), clock=clock)


async def begin(mill: Mill, program: str) -> None:
    """Start what is not started and tell what is not told, each message under an id of its own."""
    with suppress(StoreFailed):
        await mill.host.start(keeper, 0, id=KEEPER)
        await mill.host.start(perform, Part(program, ROOT), id=ROOT)
        for number in range(takes(program)):
            with suppress(RunClosed):
                data = codec_for(Token).encode(Token())
                await mill.engine.send(perform.name, ROOT, kind="Token", data=data, message_id=f"token {number}")


async def ends_of(mill: Mill) -> Ends:
    """Return how everything ended, and check that nothing happened twice that may happen once only."""
    views = [view for view in await mill.engine.list(limit=1_000) if view.workflow != keeper.name]
    stories = [await mill.engine.show(view.workflow, view.id) for view in views]
    assert mill.script.twice == []
    assert (
        max(Counter(line for line in mill.books.lines if line.startswith(("pay ", "burn "))).values(), default=1) == 1
    )
    chances = [line.split(" ")[2] for line in set(mill.books.lines) if line.startswith("put chance")]
    assert len(chances) == len(set(chances)), "chance was another one in a replay"
    named = {each.view.id if each.view.workflow == perform.name else "": each for each in stories}
    runs = {name: (each.view.status.label, each.result, each.view.reason) for name, each in named.items() if name}
    return Ends(runs, paid(mill.books.lines))


def paid(lines: list[str]) -> Counter[str]:
    """Return what was paid and not given back, and what was put or burnt."""
    left: Counter[str] = Counter()
    for line in lines:
        what, key = line.split(" ")[0], " ".join(line.split(" ")[1 : 3 if "chance" in line else None])
        if what in {"put", "burn"}:
            left[f"{what} {key}"] = 1
        else:
            left[f"pay {key}"] += 1 if what == "pay" else -1
    return +left


async def _undisturbed(mill: Mill) -> None:
    await mill.spend(HOUR)


def performed(program: str, disturb: Disturb = _undisturbed, prepare: Callable[[Mill], None] | None = None) -> Ends:
    """Perform a program, disturbed in some way, and return how everything ended."""

    async def work() -> Ends:
        with TemporaryDirectory() as folder:
            async with mill_in(folder) as mill:
                if prepare is not None:
                    prepare(mill)
                await begin(mill, program)
                await disturb(mill)
                return await ends_of(mill)

    return asyncio.run(work())


searching = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@searching
@given(programs, st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_crashes_between_commits_and_outputs_change_nothing(program: str, crashes: list[int]) -> None:
    """A program that dies after random commits, before their outputs, ends as one that does not, effects once."""

    async def crash(mill: Mill) -> None:
        for commits in crashes:
            mill.die_at = mill.commits + commits
            await begin(mill, program)
            await mill.spend(HOUR / 100)
            await mill.reopen()
        mill.die_at = None
        await begin(mill, program)
        await mill.spend(HOUR)

    disturbed = performed(program, crash)

    assert disturbed == performed(program)
    assert all(status not in {"running", "waiting", "blocked"} for status, _, _ in disturbed.runs.values())


@searching
@given(programs, st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_eviction_changes_nothing(program: str, seconds: list[int]) -> None:
    """A program whose runs leave memory whenever they wait ends as one whose runs stay."""

    async def evict(mill: Mill) -> None:
        for each in seconds:
            await mill.spend(HOUR / 3600 * each)
            mill.engine._work.shelf.put_back_idle()
        await mill.spend(HOUR)

    assert performed(program, evict) == performed(program)


@searching
@given(programs, st.integers(0, 2**16))
def test_repeated_and_reordered_deliveries_change_nothing(program: str, seed: int) -> None:
    """Requests that arrive twice, replies and messages in any order, messages told twice: the end is the same."""

    async def deliver(call: Call, handler: Handler) -> Outcome:
        drawn = zlib.crc32(f"{seed} {call.operation} {call.arguments!r}".encode())
        for _ in range(drawn % TURNS):
            await asyncio.sleep(0)
        outcome = await handler(call)
        return await handler(call) if drawn & 1 else outcome

    async def again(mill: Mill) -> None:
        await begin(mill, program)
        await mill.settle()
        await begin(mill, program)
        await mill.spend(HOUR)

    def prepare(mill: Mill) -> None:
        for name in OPERATIONS:
            mill.script.on(name, always=deliver)

    assert performed(program, again, prepare) == performed(program)


@searching
@given(programs, st.lists(st.sampled_from([-3_600_000, -900, 700, 40_000, 86_400_000]), max_size=5))
def test_jumps_of_the_clock_lose_and_double_nothing(program: str, jumps: list[int]) -> None:
    """Whatever the wall clock says, every run ends, and what did not end well is given back."""

    async def work() -> Ends:
        clock = JumpClock()
        with TemporaryDirectory() as folder:
            async with mill_in(folder, clock) as mill:
                await begin(mill, program)
                for each in jumps:
                    clock.move_to(clock.now_ms() + each)
                    await mill.settle()
                clock.move_to(clock.now_ms() + 4_000_000)
                await mill.spend(HOUR)
                return await ends_of(mill)

    ends = asyncio.run(work())

    assert all(status not in {"running", "waiting", "blocked"} for status, _, _ in ends.runs.values()), ends


@searching
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.lists(st.integers(1, 5), max_size=4))
def test_updates_are_answered_once_over_crashes(numbers: list[int], crashes: list[int]) -> None:
    """Whoever asks again under the same id, in whatever life and generation, gets the first answer or refusal."""

    async def ask(mill: Mill, index: int) -> Any:
        try:
            return await mill.host.find(keeper, KEEPER).ask(Count(numbers[index]), id=f"count {index}")
        except Odd as odd:
            return odd

    async def work() -> list[Any]:
        with TemporaryDirectory() as folder:
            async with mill_in(folder) as mill:
                for commits in crashes:
                    mill.die_at = mill.commits + commits
                    await begin(mill, "[]")
                    with suppress(StoreFailed):
                        await asyncio.wait_for(asyncio.gather(*(ask(mill, each) for each in range(len(numbers)))), 5)
                    await mill.reopen()
                mill.die_at = None
                await begin(mill, "[]")
                return await asyncio.gather(*(ask(mill, each) for each in range(len(numbers))))

    answers = asyncio.run(work())

    assert answers == [Odd(number) if number % 2 else number for number in numbers]
