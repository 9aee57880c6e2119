"""Irreversible calls: on disk before they are sent, never sent twice by guess, never a reason to unwind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, Safe, not_done, reply_lost, request_lost
from weft.errors import InputInvalid, NotDone
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def send_off(how: str, *, depot: Depot, safe: Safe) -> str:
    """Take something and let it go for good."""
    async with saga():
        await depot.take("x")
        match how:
            case "ship":
                return await depot.ship("x")
            case "post":
                return await depot.post("x")
            case _:
                return await safe.burn("x")


@workflow
async def post_or_keep(key: str, *, depot: Depot) -> str:
    """Post something, and keep it if that did not happen."""
    try:
        return await depot.post(key)
    except NotDone as error:
        return f"kept: {error.reason}"


async def large(call: Call, handler: Handler) -> Outcome:
    """Do what is asked and answer at length."""
    await handler(call)
    return Reply(b'"%s"' % (b"x" * 200))


async def crash_in_flight(mill: Mill, name: str, how: str) -> None:
    """Start a run, and crash while its irreversible call is in flight and the service has not heard of it."""
    mill.script.on(name, Gate())
    await mill.host.start(send_off, how, id="1")
    await mill.settle()
    await mill.reopen()


async def test_its_command_is_on_disk_before_it_is_sent(tmp_path: Path) -> None:
    """A crash after the commit and before the sending counts as sent: nobody can know better."""
    async with Mill(tmp_path, send_off) as mill:
        mill.die_at = 2  # the reply of the take, with the command to ship
        await mill.host.start(send_off, "ship", id="1")
        await mill.dead.wait()

        await mill.reopen()
        await mill.settle()

        assert mill.script.sent("ship") == []
        assert await mill.status(send_off, "1") is RunStatus.NEEDS_ATTENTION


async def test_with_a_query_the_service_is_asked_whether_it_happened(tmp_path: Path) -> None:
    """After a crash the status query decides: it had happened, so it is not sent again."""
    async with Mill(tmp_path, send_off) as mill:
        mill.script.on("post", Gate())
        await mill.host.start(send_off, "post", id="1")
        await mill.settle()
        mill.books.write("post x")

        await mill.reopen()
        await mill.settle()

        assert (await mill.story(send_off, "1")).result == b'"x"'
        assert mill.books.lines == ["take x", "post x"]
        assert [call.operation for call in mill.script.calls] == ["take", "post", "posted"]


async def test_with_a_query_that_says_no_it_did_not_happen(tmp_path: Path) -> None:
    """A query that answers with nothing makes the call not done, and that is an outcome like any other."""
    async with Mill(tmp_path, post_or_keep) as mill:
        mill.script.on("post", request_lost)
        run = await mill.host.start(post_or_keep, "x", id="1")

        await mill.settle()

        assert await run.result() == "kept: asked"


async def test_a_query_that_does_not_answer_is_asked_until_it_does(tmp_path: Path) -> None:
    """A silent query calls for people, goes on being asked, and decides once it answers."""
    async with Mill(tmp_path, send_off) as mill:
        mill.script.on("post", reply_lost)
        mill.script.on("posted", always=not_done)
        run = await mill.host.start(send_off, "post", id="1")
        await mill.spend(HOUR)
        in_need = await mill.status(send_off, "1")

        mill.script.on("posted")
        await mill.spend(2 * MINUTE)

        assert in_need is RunStatus.NEEDS_ATTENTION
        assert await run.result() == "x"
        assert mill.books.lines == ["take x", "post x"]


async def test_a_skip_while_the_query_is_asked_ends_the_asking(tmp_path: Path) -> None:
    """What an operator has decided is not asked any more."""
    async with Mill(tmp_path, send_off) as mill:
        gate = Gate(not_done)
        mill.script.on("post", reply_lost)
        mill.script.on("posted", *[not_done] * 5, gate)
        run = await mill.host.start(send_off, "post", id="1")
        while not gate.waiting:
            await mill.spend(SECOND)

        await mill.engine.skip("send_off", "1", who="ada", why="seen it leave", reply=b'"seen"')
        gate.open()
        await mill.spend(HOUR)

        assert await run.result() == "seen"
        assert len(mill.script.sent("posted")) == 6


@pytest.mark.parametrize("how", ["lost", "crash"])
async def test_without_a_query_only_an_operator_can_tell(tmp_path: Path, how: str) -> None:
    """Nobody guesses: the run stands as needing attention, undoes nothing, and waits for a decision."""
    async with Mill(tmp_path, send_off) as mill:
        if how == "crash":
            await crash_in_flight(mill, "ship", "ship")
        else:
            mill.script.on("ship", request_lost)
            await mill.host.start(send_off, "ship", id="1")
        await mill.spend(24 * HOUR)
        in_need = await mill.story(send_off, "1")

        await mill.engine.skip("send_off", "1", who="ada", why="the truck has it", reply=b'"by truck"')

        assert in_need.view.status is RunStatus.NEEDS_ATTENTION
        assert "may or may not have happened" in in_need.view.reason
        assert (await mill.story(send_off, "1")).result == b'"by truck"'
        assert mill.books.lines == ["take x"]


async def test_an_operator_may_decide_that_it_did_not_happen(tmp_path: Path) -> None:
    """Skipped without a reply nobody asks any more, and only by that decision is the saga undone."""
    async with Mill(tmp_path, send_off) as mill:
        mill.script.on("ship", request_lost)
        await mill.host.start(send_off, "ship", id="1")
        await mill.spend(HOUR)

        await mill.engine.skip("send_off", "1", who="ada", why="it still stands here")
        await mill.settle()

        assert await mill.status(send_off, "1") is RunStatus.FAILED
        assert mill.books.lines == ["take x", "give back x"]


async def test_an_operator_may_have_it_sent_again(tmp_path: Path) -> None:
    """A person may have sent a second time what may have happened, in so many words and with a reason."""
    async with Mill(tmp_path, send_off) as mill:
        mill.script.on("ship", request_lost)
        run = await mill.host.start(send_off, "ship", id="1")
        await mill.spend(HOUR)

        with pytest.raises(InputInvalid, match="needs a reason"):
            await mill.engine.retry("send_off", "1", who="ada", resend=True)
        await mill.engine.retry("send_off", "1", who="ada", why="it is still here", resend=True)

        assert await run.result() == "x"
        assert mill.books.lines == ["take x", "ship x"]
        assert "resend it is still here (by ada)" in [row.what for row in (await mill.story(send_off, "1")).rows]


@pytest.mark.parametrize("how", ["lost", "large", "crash"])
async def test_a_plain_retry_never_sends_it_again(tmp_path: Path, how: str) -> None:
    """Who only asks to hurry is told what to decide, and the run goes on needing attention."""
    async with Mill(tmp_path, send_off, limits=Limits(payload_bytes=100)) as mill:
        if how == "crash":
            await crash_in_flight(mill, "ship", "ship")
        else:
            mill.script.on("ship", reply_lost if how == "lost" else large)
            await mill.host.start(send_off, "ship", id="1")
        await mill.spend(HOUR)

        with pytest.raises(InputInvalid, match="may have happened"):
            await mill.engine.retry("send_off", "1", who="ada")
        await mill.spend(HOUR)

        assert await mill.status(send_off, "1") is RunStatus.NEEDS_ATTENTION
        assert len(mill.script.sent("ship")) == 1


async def test_a_large_reply_of_a_service_that_remembers_is_asked_for_again(tmp_path: Path) -> None:
    """Where sending again is safe a retry does it; while the reply stays too large, people are still needed."""
    async with Mill(tmp_path, send_off, limits=Limits(payload_bytes=100)) as mill:
        mill.script.on("burn", large, large)
        run = await mill.host.start(send_off, "burn", id="1")
        await mill.settle()

        await mill.engine.retry("send_off", "1", who="ada")
        await mill.settle()
        status = await mill.status(send_off, "1")
        await mill.engine.retry("send_off", "1", who="ada")

        assert status is RunStatus.NEEDS_ATTENTION
        assert await run.result() == "x"
        assert mill.books.lines == ["take x", "burn x"]


async def test_a_service_that_remembers_is_simply_sent_it_again(tmp_path: Path) -> None:
    """Where outcomes are stored by call id, a crash in flight is no question for anybody."""
    async with Mill(tmp_path, send_off) as mill:
        await crash_in_flight(mill, "burn", "burn")
        await mill.settle()

        assert (await mill.story(send_off, "1")).result == b'"x"'
        assert [call.id for call in mill.script.sent("burn")] == [mill.script.sent("burn")[0].id] * 2
        assert mill.books.lines == ["take x", "burn x"]


async def test_a_cancellation_waits_until_it_is_known(tmp_path: Path) -> None:
    """A run that is cancelled while something irreversible is in flight first learns what became of it."""
    async with Mill(tmp_path, send_off) as mill:
        gate = Gate()
        mill.script.on("ship", gate)
        await mill.host.start(send_off, "ship", id="1")
        await mill.settle()

        await mill.engine.cancel("send_off", "1", who="ada")
        await mill.spend(HOUR / 1000)
        before = await mill.status(send_off, "1")
        gate.open()
        await mill.settle()

        assert before is RunStatus.RUNNING
        assert mill.books.lines == ["take x", "ship x"]
        assert not (await mill.status(send_off, "1")).is_open
