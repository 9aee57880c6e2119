"""Replies over the limit: what they are worth depends on what their operation does to the world."""

from __future__ import annotations

from pathlib import Path

from tests.engine.embedded.mill import HOUR, Depot, Mill, Safe
from weft.errors import CallFailed
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow

LIMITS = Limits(payload_bytes=1_000)


@workflow
async def fetch(what: str, *, depot: Depot) -> str:
    """Make one call and tell how it ended."""
    try:
        return str(await getattr(depot, what)("x"))
    except CallFailed as error:
        return f"{type(error).__name__} {error.reason}"


@workflow
async def pay(key: str, *, safe: Safe) -> None:
    """Pay under a saga."""
    async with saga():
        await safe.pay(key)


async def large(call: Call, handler: Handler) -> Outcome:
    """Do what is asked and answer at length."""
    await handler(call)
    return Reply(b'"%s"' % (b"x" * 2_000))


async def test_a_read_was_not_done(tmp_path: Path) -> None:
    """A read whose answer is too large is as good as not made."""
    async with Mill(tmp_path, fetch, limits=LIMITS) as mill:
        mill.script.on("look", large)

        assert await (await mill.host.start(fetch, "look", id="1")).result() == "NotDone payload"


async def test_an_effect_is_unknown_to_its_run_and_undone(tmp_path: Path) -> None:
    """An effect whose answer cannot be kept has happened, so the saga takes it back."""
    async with Mill(tmp_path, pay, limits=LIMITS) as mill:
        mill.script.on("pay", large)
        await mill.host.start(pay, "x", id="1")
        await mill.settle()

        view = (await mill.story(pay, "1")).view
        assert view.reason.startswith("OutcomeUnknown: the reply of safe.pay has 2,002 bytes; the limit is 1,000")
        assert mill.books.lines == ["pay x", "refund x"]


async def test_what_cannot_be_undone_waits_for_people(tmp_path: Path) -> None:
    """An irreversible effect is neither repeated nor unwound: an operator gives a reply that fits."""
    async with Mill(tmp_path, fetch, limits=LIMITS) as mill:
        mill.script.on("ship", large)
        run = await mill.host.start(fetch, "ship", id="1")
        await mill.spend(HOUR)
        view = (await mill.story(fetch, "1")).view

        await mill.engine.skip("fetch", "1", who="ada", why="too long", reply=b'"short"')

        assert (view.status, "cannot be undone" in view.reason) == (RunStatus.NEEDS_ATTENTION, True)
        assert await run.result() == "short"
        assert mill.books.lines == ["ship x"]
