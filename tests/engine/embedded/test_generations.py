"""Runs that continue as new: one id and one result, State and messages that go over, calls that are new."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.embedded.market import Add, Cart, Close, Ignored, Turn, cart, contents
from tests.engine.embedded.mill import HOUR, MINUTE, Depot, Gate, Mill
from weft.errors import RunCancelled, RunClosed, RunExists, StoreFailed
from weft.flow.continuing import continue_as_new, journal_nearly_full
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.model.message import Signal, Update
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Tick(Signal):
    """One more."""


class Keep(Update[int]):
    """Keep something, and say how many there are."""

    what: str


@workflow
async def steps(n: int, *, depot: Depot) -> int:
    """Put something in each of three generations, after a sleep."""
    await asyncio.sleep(60)
    await depot.put("x")
    if n < 3:
        continue_as_new(n + 1)
    return n


@workflow
async def entity(count: int) -> int:
    """Count ticks until there are fifty; continue when the journal is nearly full."""
    while count < 50:
        if journal_nearly_full():
            continue_as_new(count)
        await receive(Tick)
        count += 1
    return count


@workflow
async def restless(n: int) -> None:
    """Continue at once, for ever."""
    continue_as_new(n + 1)


@workflow
async def parent(n: int, *, runs: Runs) -> int:
    """Start a child that is closed with this run, continue, and wait."""
    if n == 0:
        await runs.start(cart, Cart(), id="ada", on_close="cancel")
        continue_as_new(1)
    await receive(Tick)
    return n


async def test_the_result_is_that_of_the_last_generation(tmp_path: Path) -> None:
    """Whoever waits hears the end of the chain; the list shows one run, in its present generation."""
    async with Mill(tmp_path, steps) as mill:
        run = await mill.host.start(steps, 0, id="1")
        result = asyncio.ensure_future(run.result())
        await mill.spend(2 * MINUTE)
        views = await mill.engine.list()
        await mill.spend(HOUR)

        assert [(view.id, view.generation, view.status) for view in views] == [("1", 2, RunStatus.WAITING)]
        assert await result == await run.result() == 3


async def test_calls_of_generations_have_ids_of_their_own(tmp_path: Path) -> None:
    """The second generation repeats the paths of the first, and must not be given its replies."""
    async with Mill(tmp_path, steps) as mill:
        await mill.host.start(steps, 0, id="1")
        await mill.spend(HOUR)

        ids = [call.id for call in mill.script.sent("put")]

        assert len(set(ids)) == 4
        chain = ids[0].split("/")[0]
        assert ids == [f"{chain}/{generation}/0/depot.put.1" for generation in range(4)]


async def test_a_crash_at_every_commit_changes_nothing(tmp_path: Path) -> None:
    """Generation by generation, a run that dies at any commit ends the same, each call under its own id."""
    for die_at in range(1, 10):
        folder = tmp_path / str(die_at)
        folder.mkdir()
        async with Mill(folder, steps) as mill:
            await mill.host.start(steps, 0, id="1")
            mill.die_at = mill.commits + die_at
            await mill.spend(HOUR)
            await mill.reopen()
            await mill.spend(HOUR)

            assert await mill.host.find(steps, "1").result() == 3
            assert len({call.id for call in mill.script.sent("put")}) == 4


async def test_starting_it_again_finds_it_in_any_generation(tmp_path: Path) -> None:
    """The id belongs to the first input, whichever generation the run is in, loaded or not."""
    async with Mill(tmp_path, steps) as mill:
        await mill.host.start(steps, 0, id="1")
        await mill.spend(2 * MINUTE)
        await mill.host.start(steps, 0, id="1")
        await mill.reopen()
        await mill.host.start(steps, 0, id="1")

        with pytest.raises(RunExists):
            await mill.host.start(steps, 2, id="1")


async def test_messages_updates_and_state_go_over(tmp_path: Path) -> None:
    """What waits when a generation ends is there for the next, in order; State shows what it showed."""
    async with Mill(tmp_path, cart) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        run = await mill.host.start(cart, Cart(), id="ada")
        asking = [asyncio.ensure_future(run.ask(Add("a")))]
        await mill.settle()
        await run.send(Turn())
        asking += [asyncio.ensure_future(run.ask(Add(letter))) for letter in "bc"]
        await mill.settle()
        gate.open()

        assert await asyncio.gather(*asking) == [1, 2, 3]
        assert await run.read(contents) == Cart(("a", "b", "c"), 1)


async def test_updates_that_wait_survive_a_crash_between_generations(tmp_path: Path) -> None:
    """An update that went over is answered after a crash, to who asks again with its id, once."""
    async with Mill(tmp_path, cart) as mill:
        mill.script.on("put", Gate())
        run = await mill.host.start(cart, Cart(), id="ada")
        asking = [asyncio.ensure_future(run.ask(Add(letter), id=letter)) for letter in "ab"]
        await mill.settle()
        await run.send(Turn())
        await mill.reopen()
        await asyncio.gather(*asking, return_exceptions=True)
        mill.script.on("put")
        run = mill.host.find(cart, "ada")

        assert [await run.ask(Add(letter), id=letter) for letter in "ab"] == [1, 2]
        await run.send(Turn())
        await mill.reopen()
        run = mill.host.find(cart, "ada")
        assert [await run.ask(Add(letter), id=letter) for letter in "ab"] == [1, 2]
        assert (await run.read(contents)).lines == ("a", "b")


async def test_an_update_that_was_received_and_not_answered_is_lost(tmp_path: Path) -> None:
    """Nobody can answer it any more once its generation has ended: who asks is told."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        asking = asyncio.ensure_future(run.ask(Ignored(), id="1"))
        await mill.settle()

        await run.send(Turn())

        with pytest.raises(RunClosed, match="continued as new without an answer"):
            await asking
        with pytest.raises(RunClosed, match="continued as new without an answer"):
            await run.ask(Ignored(), id="1")
        assert await run.ask(Add("a")) == 1


async def test_an_entity_lives_longer_than_a_journal(tmp_path: Path) -> None:
    """With `journal_nearly_full` a run receives more messages than one journal may hold, crashes included."""
    async with Mill(tmp_path, entity, limits=Limits(journal_entries=10)) as mill:
        await mill.host.start(entity, 0, id="1")
        for _ in range(10):
            await asyncio.gather(*(mill.host.find(entity, "1").send(Tick()) for _ in range(5)))
            await mill.reopen()

        assert await mill.host.find(entity, "1").result() == 50
        assert (await mill.engine.list())[0].generation == 6


async def test_a_run_that_only_continues_is_blocked(tmp_path: Path) -> None:
    """A run that continues for ever without waiting for anything stands blocked, and others go on."""
    async with Mill(tmp_path, restless, cart) as mill:
        await mill.host.start(restless, 0, id="1")
        run = await mill.host.start(cart, Cart(), id="ada")

        view = (await mill.story(restless, "1")).view

        assert view.status is RunStatus.BLOCKED
        assert "WEFT-E205" in view.reason
        assert await run.ask(Add("a")) == 1


async def test_a_deadline_covers_all_generations(tmp_path: Path) -> None:
    """`within` counts from the first start; then the run is cancelled, whatever generation it is in, asleep or not."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada", within=timedelta(hours=2))
        await mill.spend(HOUR)
        await run.send(Turn())
        await mill.reopen()
        await mill.spend(HOUR - MINUTE)
        before = await mill.status(cart, "ada")
        await mill.spend(MINUTE)

        with pytest.raises(RunCancelled, match="its deadline has passed"):
            await mill.host.find(cart, "ada").result()
        assert before is RunStatus.WAITING


async def test_state_is_read_of_live_cold_and_finished_runs(tmp_path: Path) -> None:
    """What a run showed last is read whether it is loaded, on disk only, or over."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await run.ask(Add("a"))
        live = await run.read(contents)
        await mill.reopen()
        cold = await mill.host.find(cart, "ada").read(contents)
        loaded = mill.engine._work.shelf.loaded("cart", "ada")
        await mill.host.find(cart, "ada").send(Close())
        await mill.settle()
        await mill.reopen()

        assert loaded is None
        assert live == cold == await mill.host.find(cart, "ada").read(contents) == Cart(("a",))


async def test_children_go_over(tmp_path: Path) -> None:
    """Continuing as new closes no child; the end of the last generation does."""
    async with Mill(tmp_path, parent, cart) as mill:
        run = await mill.host.start(parent, 0, id="1")
        await mill.settle()
        await mill.reopen()
        before = await mill.status(cart, "ada")
        await mill.host.find(parent, run.id).send(Tick())
        await mill.settle()

        assert before is RunStatus.WAITING
        assert await mill.status(cart, "ada") is RunStatus.CANCELLED


async def test_a_failed_commit_of_a_continuation_is_none(tmp_path: Path) -> None:
    """The end of one generation and the beginning of the next are one transaction."""
    async with Mill(tmp_path, cart) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await mill.settle()
        mill.die_at = mill.commits + 1
        with pytest.raises(StoreFailed):
            await run.send(Turn())
        await mill.reopen()

        assert (await mill.engine.list())[0].generation == 1
        assert await mill.host.find(cart, "ada").read(contents) == Cart((), 1)


async def test_a_blocked_run_that_continues_passes_on_what_came_meanwhile(tmp_path: Path) -> None:
    """Messages that came while nobody could be told go to the generation that can receive them, in order and once."""
    async with Mill(tmp_path, cart, steps) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await run.ask(Add("a"), id="a")
        await mill.reopen(steps)
        for kind, data in (("Turn", b"{}"), ("Add", b'{"line":"b"}'), ("Turn", b"{}"), ("Add", b'{"line":"c"}')):
            await mill.engine.send("cart", "ada", kind=kind, data=data, message_id=f"{kind} {data!r}")
        blocked = (await mill.engine.list(workflow="cart"))[0].status

        await mill.reopen(cart, steps)
        run = mill.host.find(cart, "ada")
        await mill.engine.retry("cart", "ada", who="op")
        await mill.settle()

        assert blocked is RunStatus.BLOCKED
        assert await run.read(contents) == Cart(("a", "b", "c"), 1)
        assert await run.ask(Add("a"), id="a") == 1


async def test_who_asks_a_blocked_run_is_answered_once_it_is_mended(tmp_path: Path) -> None:
    """A question to a run that cannot be told waits with it."""
    async with Mill(tmp_path, cart, steps) as mill:
        run = await mill.host.start(cart, Cart(), id="ada")
        await run.ask(Add("a"))
        await run.send(Turn())
        await mill.reopen(steps)
        asking = asyncio.ensure_future(mill.engine.ask("cart", "ada", kind="Add", data=b'{"line":"b"}', message_id="b"))
        await mill.settle()
        await mill.reopen(cart, steps)

        with pytest.raises(StoreFailed):
            await asking
        assert await mill.host.find(cart, "ada").ask(Add("b"), id="b") == 2


@workflow
async def hoarder(items: tuple[str, ...]) -> tuple[str, ...]:
    """Keep one thing in each generation, until there are three."""
    add = await receive(Keep)
    add.answer(len(items) + 1)
    kept = (*items, add.what)
    return kept if len(kept) == 3 else continue_as_new(kept)


async def test_a_message_told_again_before_its_generation_is_on_disk(tmp_path: Path) -> None:
    """A second delivery in the same moment is known, though the generation that received the first has ended."""
    async with Mill(tmp_path, hoarder) as mill:
        run = await mill.host.start(hoarder, (), id="h")

        answers = await asyncio.gather(*(run.ask(Keep(each), id=each) for each in "abacb"))

        assert answers == [1, 2, 1, 3, 2]
        assert await run.result() == ("a", "b", "c")
