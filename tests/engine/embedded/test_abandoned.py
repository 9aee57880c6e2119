"""Calls that nobody waits for any more: the attempt under way may end, and its undo waits for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, Safe, not_done, request_lost
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def in_time(seconds: int, *, depot: Depot) -> None:
    """Take something, with a limit inside the saga."""
    async with saga():
        async with asyncio.timeout(seconds):
            await depot.take("x")


@workflow
async def pay_in_time(seconds: int, *, safe: Safe) -> str:
    """Pay with a limit outside of the saga, and say so if that was not enough."""
    try:
        async with asyncio.timeout(seconds):
            async with saga():
                await safe.pay("x")
    except TimeoutError:
        return "too late"
    return "paid"


@workflow
async def glance(seconds: int, *, depot: Depot) -> str:
    """Look, but not for long, and put something afterwards."""
    found = "nothing"
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            found = str(await depot.look("x"))
    await depot.put("y")
    return found


@workflow
async def race(key: str, *, depot: Depot) -> str:
    """Take and put at once; whoever is first wins."""
    async with saga():
        tasks = {asyncio.create_task(depot.take(key)), asyncio.create_task(depot.put(key))}
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        return str(len(done))


async def test_an_undo_waits_for_the_attempt_that_is_still_running(tmp_path: Path) -> None:
    """`timeout` around an effect: its undo does not overtake the attempt, however long that takes."""
    async with Mill(tmp_path, in_time) as mill:
        gate = Gate()
        mill.script.on("take", gate)
        await mill.host.start(in_time, 5, id="1")
        await mill.spend(8 * SECOND)
        before = [call.operation for call in mill.script.calls]

        gate.open()
        await mill.settle()

        assert before == ["take"]
        assert mill.books.lines == ["take x", "give back x"]
        assert (await mill.story(in_time, "1")).view.reason.startswith("TimeoutError")


async def test_an_undo_waits_for_the_attempt_also_where_the_limit_is_outside(tmp_path: Path) -> None:
    """The saga holds the limit back until its undos are done; then the limit strikes."""
    async with Mill(tmp_path, pay_in_time) as mill:
        gate = Gate()
        mill.script.on("pay", gate)
        run = await mill.host.start(pay_in_time, 5, id="1")
        await mill.spend(8 * SECOND)

        gate.open()

        assert await run.result() == "too late"
        assert mill.books.lines == ["pay x", "refund x"]


async def test_an_abandoned_call_is_not_tried_again(tmp_path: Path) -> None:
    """Retries stop with the wait: what failed after that stays failed, and was not done."""
    async with Mill(tmp_path, pay_in_time) as mill:
        gate = Gate(not_done)
        mill.script.on("pay", gate)
        run = await mill.host.start(pay_in_time, 5, id="1")
        await mill.spend(8 * SECOND)

        gate.open()

        assert await run.result() == "too late"
        assert [call.operation for call in mill.script.calls] == ["pay"]


async def test_an_abandoned_attempt_with_unknown_end_is_undone(tmp_path: Path) -> None:
    """What may have arrived is undone, though nobody has waited for it."""
    async with Mill(tmp_path, pay_in_time) as mill:
        gate = Gate(request_lost)
        mill.script.on("pay", gate)
        run = await mill.host.start(pay_in_time, 5, id="1")
        await mill.spend(8 * SECOND)

        gate.open()

        assert await run.result() == "too late"
        assert mill.books.lines == ["refund x"]


async def test_a_call_abandoned_between_attempts_ends_at_once(tmp_path: Path) -> None:
    """A wait for the next attempt is not waited out: the run goes on when its limit strikes."""
    async with Mill(tmp_path, pay_in_time) as mill:
        mill.script.on("pay", always=not_done)
        await mill.host.start(pay_in_time, 600, id="1")
        await mill.spend(600 * SECOND - SECOND / 1000)
        before = await mill.status(pay_in_time, "1")

        await mill.spend(SECOND / 1000)

        assert before.is_open
        assert (await mill.story(pay_in_time, "1")).result == b'"too late"'
        assert mill.books.lines == []


async def test_an_abandoned_read_is_forgotten_at_once(tmp_path: Path) -> None:
    """Nobody waits for a read that is not wanted any more, and its late reply disturbs nobody."""
    async with Mill(tmp_path, glance) as mill:
        gate = Gate()
        mill.script.on("look", gate)
        run = await mill.host.start(glance, 5, id="1")

        await mill.spend(5 * SECOND)
        gate.open()

        assert await run.result() == "nothing"


async def test_a_reply_in_the_moment_of_the_limit_disturbs_nobody(tmp_path: Path) -> None:
    """A read that replies while the step that gave it up is on its way to disk is not told to the run."""
    async with Mill(tmp_path, glance) as mill:
        for number in range(20):
            gate = Gate()
            mill.script.on("look", gate)
            run = await mill.host.start(glance, 5, id=str(number))
            await mill.settle()

            await mill.move_to(mill.clock.now_ms() + 5_000)
            gate.open()
            await mill.settle()

            assert await run.result() == "nothing"


async def test_an_attempt_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """One attempt takes as long as the operation says; then nobody knows, and the saga undoes it."""
    async with Mill(tmp_path, in_time) as mill:
        mill.script.on("take", Gate())
        await mill.host.start(in_time, 3600, id="1")

        await mill.spend(11 * SECOND)

        assert mill.books.lines == ["give back x"]
        assert "took longer than 10,000 ms" in (await mill.story(in_time, "1")).view.reason


async def test_a_crash_while_an_abandoned_attempt_runs_leaves_it_unknown(tmp_path: Path) -> None:
    """After a crash an abandoned call is not sent again; it may have happened, so it is undone."""
    async with Mill(tmp_path, pay_in_time) as mill:
        mill.script.on("pay", Gate())
        await mill.host.start(pay_in_time, 5, id="1")
        await mill.spend(8 * SECOND)

        await mill.reopen()
        await mill.settle()

        assert [call.operation for call in mill.script.calls] == ["pay", "refund"]
        assert (await mill.story(pay_in_time, "1")).result == b'"too late"'


@pytest.mark.parametrize("held", ["take", "put"])
async def test_whoever_loses_a_race_ends_before_the_saga_does(tmp_path: Path, held: str) -> None:
    """A saga that ends well still waits for the attempt of a call that was cancelled inside."""
    async with Mill(tmp_path, race) as mill:
        gate = Gate()
        mill.script.on(held, gate)
        run = await mill.host.start(race, "x", id="1")
        await mill.spend(SECOND)
        before = await mill.status(race, "1")

        gate.open()

        assert before is RunStatus.RUNNING
        assert await run.result() == "1"
        assert sorted(mill.books.lines) == ["put x", "take x"]


async def test_a_cancelled_run_waits_for_its_attempt_and_undoes_it(tmp_path: Path) -> None:
    """Cancelling a run ends the wait, not the effect: it is undone once it has ended."""
    async with Mill(tmp_path, in_time) as mill:
        gate = Gate()
        mill.script.on("take", gate)
        await mill.host.start(in_time, HOUR // MINUTE, id="1")
        await mill.settle()

        await mill.engine.cancel("in_time", "1", "not needed", who="ada")
        before = await mill.status(in_time, "1")
        gate.open()
        await mill.settle()

        assert before is RunStatus.RUNNING
        assert await mill.status(in_time, "1") is RunStatus.CANCELLED
        assert mill.books.lines == ["take x", "give back x"]
