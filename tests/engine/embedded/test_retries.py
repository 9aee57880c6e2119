"""Durable retries: what is tried again, for how long, and what the run is told in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.mill import (
    HOUR,
    MINUTE,
    SECOND,
    Depot,
    Mill,
    Safe,
    SoldOut,
    admission,
    not_done,
    reply_lost,
    request_lost,
)
from weft.codec import codec_for
from weft.errors import CallFailed, RunFailed
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome, Refused, Reply
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def ask(what: str, *, depot: Depot, safe: Safe) -> str:
    """Make one call and tell how it ended."""
    service, _, name = what.partition(".")
    try:
        return repr(await getattr(depot if service == "depot" else safe, name)("x"))
    except CallFailed as error:
        return f"{type(error).__name__} {error.reason}"


@workflow
async def declined(what: str, *, depot: Depot) -> str:
    """Offer something and tell how it ended."""
    try:
        await depot.offer(what)
    except SoldOut:
        return "sold out"
    except CallFailed as error:
        return f"{type(error).__name__} {error.reason}"
    return "done"


@workflow
async def buy(key: str, *, depot: Depot, safe: Safe) -> str:
    """Take and pay under one saga."""
    async with saga():
        await depot.take(key)
        await safe.pay(key)
    return key


async def refuse(_call: Call, _handler: Handler) -> Outcome:
    """Decline as the service would."""
    return Refused("SoldOut", codec_for(SoldOut).encode(SoldOut("x")))


async def take_anyway(_call: Call, _handler: Handler) -> Outcome:
    """Take what the depot would not give."""
    return Reply(b'"none"')


async def end_of(mill: Mill, what: str) -> str:
    """Start a call, give it a day, and return how it ended."""
    run = await mill.host.start(ask, what, id=what)
    await mill.spend(24 * HOUR)
    return await run.result()


async def test_an_effect_that_was_not_done_is_tried_until_it_is(tmp_path: Path) -> None:
    """What certainly did not happen is tried again, also when it must not happen twice."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("take", *[not_done] * 30)

        end = await end_of(mill, "depot.take")

        assert end == "'x'"
        assert [call.attempt for call in mill.script.sent("take")] == list(range(1, 32))
        assert len({call.id for call in mill.script.calls}) == 1
        assert mill.books.lines == ["take x"]


async def test_a_read_is_given_up_when_its_time_is_over(tmp_path: Path) -> None:
    """A read that fails is tried for as long as one attempt may take, and then it was not done."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("look", always=not_done)
        run = await mill.host.start(ask, "depot.look", id="1")

        await mill.spend(9 * SECOND)
        before = await mill.status(ask, "1")
        await mill.spend(2 * SECOND)

        assert before.is_open
        assert await run.result() == "NotDone gave-up"


async def test_a_read_whose_replies_are_lost_was_not_done_either(tmp_path: Path) -> None:
    """A read changes nothing, so that nobody knows of its end is no reason to be careful."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("look", always=reply_lost)

        assert await end_of(mill, "depot.look") == "NotDone gave-up"


async def test_an_effect_is_given_up_when_it_says_so(tmp_path: Path) -> None:
    """`give_up_after` bounds the retries of an effect."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("offer", always=not_done)
        run = await mill.host.start(ask, "depot.offer", id="1")

        await mill.spend(MINUTE - SECOND)
        before = await mill.status(ask, "1")
        await mill.spend(2 * SECOND)

        assert before.is_open
        assert await run.result() == "NotDone gave-up"


async def test_time_spent_in_an_earlier_life_counts(tmp_path: Path) -> None:
    """A call is given up a minute after it was issued, whatever was killed in between."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("offer", always=not_done)
        await mill.host.start(ask, "depot.offer", id="1")
        await mill.spend(40 * SECOND)

        await mill.reopen()
        await mill.spend(21 * SECOND)

        assert (await mill.story(ask, "1")).result == b'"OutcomeUnknown gave-up"'


async def test_an_idempotent_effect_given_up_after_a_lost_reply_is_unknown(tmp_path: Path) -> None:
    """Once one attempt may have arrived, no later failure makes it certain that nothing happened."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("offer", request_lost, always=not_done)

        assert await end_of(mill, "depot.offer") == "OutcomeUnknown gave-up"


@pytest.mark.parametrize("operation", ["depot.look", "depot.put", "safe.pay", "safe.burn"])
async def test_an_unknown_outcome_is_repeated_where_that_is_harmless(tmp_path: Path, operation: str) -> None:
    """Reads, idempotent effects and services that store outcomes are asked again."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on(operation.partition(".")[2], reply_lost, request_lost)

        end = await end_of(mill, operation)

        assert end in {"'x'", "0"}
        assert len(mill.script.calls) == 3
        assert mill.books.lines.count("pay x") <= 1


async def test_an_unknown_outcome_is_not_repeated_where_it_could_happen_twice(tmp_path: Path) -> None:
    """A service that forgets calls is not asked to do one again that it may have done."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("take", not_done, reply_lost)

        end = await end_of(mill, "depot.take")

        assert end == "OutcomeUnknown lost"
        assert mill.books.lines == ["take x"]


async def test_a_charge_whose_reply_was_lost_is_undone_though_a_later_attempt_was_turned_away(tmp_path: Path) -> None:
    """Attempt one charges and its reply is lost, attempt two meets a closed door: the charge is undone."""
    async with Mill(tmp_path, buy) as mill:
        mill.script.on("pay", reply_lost, *[admission] * 3, request_lost, always=not_done)
        await mill.host.start(buy, "x", id="1")
        await mill.spend(HOUR)

        await mill.engine.cancel("buy", "1")
        await mill.spend(HOUR)

        assert await mill.status(buy, "1") is RunStatus.CANCELLED
        assert mill.books.lines == ["take x", "pay x", "refund x", "give back x"]


async def test_a_refusal_after_a_lost_reply_is_no_proof(tmp_path: Path) -> None:
    """A service that forgets calls may decline the second attempt because the first took the last piece."""
    async with Mill(tmp_path, declined) as mill:
        mill.script.on("offer", reply_lost, refuse)
        run = await mill.host.start(declined, "x", id="1")

        await mill.spend(MINUTE / 2)

        assert await run.result() == "OutcomeUnknown declined-later"


async def test_a_refusal_of_a_service_that_remembers_stands(tmp_path: Path) -> None:
    """Where outcomes are stored by call id, a refusal means that this very call was refused."""
    async with Mill(tmp_path, buy) as mill:
        mill.script.on("take", take_anyway)
        mill.script.on("pay", request_lost)
        await mill.host.start(buy, "none", id="1")

        await mill.spend(MINUTE)

        view = (await mill.story(buy, "1")).view
        assert (view.status, view.reason.partition(":")[0]) == (RunStatus.FAILED, "SoldOut")
        assert mill.books.lines == ["give back none"]


async def test_a_full_queue_delays_and_never_fails(tmp_path: Path) -> None:
    """Admission refusals are neither failures nor a reason for attention, however many there are."""
    async with Mill(tmp_path, buy) as mill:
        mill.script.on("pay", always=admission)
        await mill.host.start(buy, "x", id="1")

        await mill.spend(24 * HOUR)
        turned_away = await mill.status(buy, "1")
        mill.script.on("pay")
        await mill.spend(MINUTE)

        assert turned_away is RunStatus.RUNNING
        assert await mill.status(buy, "1") is RunStatus.COMPLETED


async def test_attempts_are_no_entries(tmp_path: Path) -> None:
    """A call that took twenty attempts is two entries of the journal, and says how many it took."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("put", *[not_done] * 19)

        await end_of(mill, "depot.put")

        story = await mill.story(ask, "depot.put")
        call = next(row for row in story.rows if row.kind == "call")
        assert (call.attempts, len(story.rows)) == (20, 3)


async def test_a_call_that_is_failing_tells_how_often_and_why(tmp_path: Path) -> None:
    """The story of a run in trouble says what it waits for, the attempt, the failure and when the next one is."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(ask, "depot.put", id="1")

        await mill.spend(SECOND)

        story = await mill.story(ask, "1")
        assert "depot.put.1: attempt" in story.waiting_for
        assert "away: depot.put is away" in story.waiting_for


async def test_the_number_of_attempts_survives_a_crash(tmp_path: Path) -> None:
    """What is known of a call's attempts is on disk, and goes once the call has ended."""
    async with Mill(tmp_path, ask) as mill:
        mill.script.on("put", always=not_done)
        await mill.host.start(ask, "depot.put", id="1")
        await mill.spend(MINUTE)
        before = len(mill.script.calls)

        await mill.kill()
        mill.script.on("put")
        await mill.open()
        await mill.spend(MINUTE)

        story = await mill.story(ask, "1")
        assert story.rows[1].attempts == mill.script.calls[-1].attempt == before + 1
        assert "failing" not in story.rows[1].outcome


async def test_the_run_hears_of_a_failure_only_in_the_end(tmp_path: Path) -> None:
    """Failures that were retried are no business of the workflow."""
    async with Mill(tmp_path, buy) as mill:
        mill.script.on("take", not_done, not_done)
        mill.script.on("pay", reply_lost)
        run = await mill.host.start(buy, "x", id="1")

        await mill.spend(MINUTE)

        assert await run.result() == "x"
        assert mill.books.lines == ["take x", "pay x"]


async def test_a_run_that_fails_says_which_failure(tmp_path: Path) -> None:
    """An unknown outcome that nobody caught fails the run under its own name, after the undos."""
    async with Mill(tmp_path, buy) as mill:
        mill.script.on("take", reply_lost)
        run = await mill.host.start(buy, "x", id="1")

        await mill.spend(MINUTE)

        with pytest.raises(RunFailed) as caught:
            await run.result()
        assert caught.value.kind == "OutcomeUnknown"
        assert mill.books.lines == ["take x", "give back x"]
