"""Random programs on the real engine: crashed after random commits, they end as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.embedded.mill import HOUR, Depot, Mill, Safe
from weft.errors import StoreFailed
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow

Tree: TypeAlias = "list[Any]"
"""A program: a kind, then a number or parts. Calls take no time, so what a limit cuts off is always the same."""

Ending: TypeAlias = tuple[RunStatus, bytes | None, str]

leaves = st.one_of(
    st.just(["pay"]),
    st.just(["none"]),
    st.just(["put"]),
    st.just(["fail"]),
    st.integers(1, 3).map(lambda tens: ["sleep", tens * 10]),
)
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda each: ["one by one", *each]),
        st.lists(parts, min_size=1, max_size=3).map(lambda each: ["all at once", *each]),
        parts.map(lambda each: ["saga", each]),
        parts.map(lambda each: ["try", each]),
        st.tuples(st.integers(0, 2), parts).map(lambda pair: ["limit", pair[0] * 10 + 5, pair[1]]),
    ),
    max_leaves=8,
)


@workflow
async def perform(program: str, *, depot: Depot, safe: Safe) -> str:
    """Perform a program under a saga and tell how each part ended."""
    async with saga():
        return json.dumps(await part(json.loads(program), "0", depot, safe=safe))


async def part(tree: Tree, key: str, depot: Depot, *, safe: Safe) -> Any:
    """Perform a part; `key` is its place in the program."""

    async def inner(index: int) -> Any:
        return await part(tree[index], f"{key}.{index}", depot, safe=safe)

    match tree[0]:
        case "pay":
            return await safe.pay(key)
        case "none":
            return await safe.pay("none")
        case "put":
            return await depot.put(key)
        case "fail":
            raise LookupError(key)
        case "sleep":
            await asyncio.sleep(tree[1])
            return "slept"
        case "one by one":
            return [await inner(index) for index in range(1, len(tree))]
        case "all at once":
            return await together(inner, len(tree))
        case "saga":
            async with saga():
                return await inner(1)
        case "limit":
            async with asyncio.timeout(tree[1]):
                return await inner(2)
        case _:
            try:
                return await inner(1)
            except Exception as error:  # noqa: BLE001 - what the program is about
                return type(error).__name__


async def together(inner: Any, count: int) -> list[Any]:
    """Perform parts at once, each to its end, and raise the first failure: which one does not depend on their order."""
    ends = await asyncio.gather(*(inner(index) for index in range(1, count)), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return ends


async def ends_of(programs: list[str], crashes: list[int]) -> tuple[list[Ending], Counter[str]]:
    """Perform programs side by side, crashing so many commits after each opening; return ends and what was paid."""
    with TemporaryDirectory() as folder:
        async with Mill(Path(folder), perform) as mill:
            for commits in crashes:
                mill.die_at = mill.commits + commits
                await attempt(mill, programs)
                await mill.reopen()
            mill.die_at = None
            await attempt(mill, programs)
            stories = [await mill.story(perform, str(number)) for number in range(len(programs))]
            assert mill.script.twice == []
            return [(story.view.status, story.result, story.view.reason) for story in stories], paid(mill.books.lines)


async def attempt(mill: Mill, programs: list[str]) -> None:
    """Start what is not started, and give it an hour, or until the engine dies."""
    with suppress(StoreFailed):
        for number, program in enumerate(programs):
            await mill.host.start(perform, program, id=str(number))
    await mill.spend(HOUR)


def paid(lines: list[str]) -> Counter[str]:
    """Return what was paid and not given back, and what was put at least once."""
    left: Counter[str] = Counter()
    for line in lines:
        what, _, key = line.rpartition(" ")
        if what == "put":
            left[line] = 1
        else:
            left[f"pay {key}"] += 1 if what == "pay" else -1
    return +left


@settings(max_examples=120)
@given(st.lists(trees, min_size=1, max_size=3), st.lists(st.integers(1, 8), min_size=1, max_size=5))
def test_a_program_that_is_crashed_ends_as_one_that_is_not(programs: list[Tree], crashes: list[int]) -> None:
    """Status, result, reason and money are those of an undisturbed run, whatever was killed."""
    texts = [json.dumps(program) for program in programs]

    disturbed = asyncio.run(ends_of(texts, crashes))

    assert disturbed == asyncio.run(ends_of(texts, []))
    assert all(not ending[0].is_open for ending in disturbed[0])


@settings(max_examples=60)
@given(trees, st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_a_program_that_is_put_back_on_disk_at_random_ends_the_same(program: Tree, minutes: list[int]) -> None:
    """Eviction is no event: a run that leaves memory at any of its waits ends as one that stays."""
    text = json.dumps(program)

    async def evicted() -> tuple[list[Ending], Counter[str]]:
        with TemporaryDirectory() as folder:
            async with Mill(Path(folder), perform) as mill:
                await mill.host.start(perform, text, id="0")
                for each in minutes:
                    await mill.spend(HOUR / 3600 * each)
                    mill.engine._work.shelf.put_back_idle()
                await mill.spend(HOUR)
                story = await mill.story(perform, "0")
                return [(story.view.status, story.result, story.view.reason)], paid(mill.books.lines)

    assert asyncio.run(evicted()) == asyncio.run(ends_of([text], []))
