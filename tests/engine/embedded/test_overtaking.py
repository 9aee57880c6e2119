"""Attempts that are dropped while they are under way: the undo comes after them, and nothing is sent beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from tests.engine.embedded.mill import HOUR, MINUTE, SECOND, Depot, Gate, Mill, Safe, not_done, reply_lost
from weft.engine.execution.entries import Skipped, decode_entry
from weft.flow.messages import receive
from weft.flow.saga import saga
from weft.model.call import Call, Handler, Outcome
from weft.model.message import Signal
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Go(Signal):
    """Go on."""


@workflow
async def pay(key: str, *, safe: Safe) -> str:
    """Pay for something."""
    async with saga():
        return await safe.pay(key)


@workflow
async def take_beside_words(key: str, *, depot: Depot) -> str:
    """Take something while hearing three words."""
    async with saga():
        taking = asyncio.create_task(depot.take(key))
        for _ in range(3):
            await receive(Go)
        return await taking


class SlowToDie(Gate):
    """An attempt that is cancelled while its request is on the wire, and arrives all the same once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = asyncio.Event()
        self.arrives = asyncio.Event()

    def open(self) -> None:
        """Let it arrive."""
        self.arrives.set()

    async def __call__(self, call: Call, handler: Handler) -> Outcome:
        """Be cancelled, and arrive."""
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            await self.arrives.wait()
            self.waiting -= 1
            await handler(call)
            raise
        raise AssertionError


async def test_a_skipped_call_that_may_have_arrived_is_undone(tmp_path: Path) -> None:
    """An operator's skip makes nothing unhappen: what one attempt may have done keeps its undo."""
    async with Mill(tmp_path, pay) as mill:
        mill.script.on("pay", reply_lost, always=not_done)
        await mill.host.start(pay, "x", id="1")
        await mill.spend(HOUR)

        await mill.engine.skip("pay", "1", who="ada", why="the bank is down")
        await mill.spend(MINUTE)

        view = (await mill.story(pay, "1")).view
        assert (view.status, view.reason.partition(":")[0]) == (RunStatus.FAILED, "OutcomeUnknown")
        assert mill.books.lines == ["pay x", "refund x"]


async def test_the_undo_of_a_skipped_call_waits_for_the_attempt_under_way(tmp_path: Path) -> None:
    """A skip cuts the attempt short; the undo is sent once it has ended, with or without effect."""
    async with Mill(tmp_path, pay) as mill:
        step = SlowToDie()
        mill.script.on("pay", *[not_done] * 12, step)
        await mill.host.start(pay, "x", id="1")
        while not step.waiting:
            await mill.spend(SECOND)

        await mill.engine.skip("pay", "1", who="ada", why="the bank is down")
        await step.cancelled.wait()
        before = list(mill.books.lines)
        step.open()
        await mill.spend(MINUTE)

        assert (before, mill.books.lines) == ([], ["pay x", "refund x"])


async def test_the_undo_of_a_run_loaded_again_waits_for_the_attempt_under_way(tmp_path: Path) -> None:
    """A retry of a blocked run cuts its attempts short, and what it sends then comes after them."""
    async with Mill(tmp_path, take_beside_words, limits=Limits(journal_entries=2)) as mill:
        step = SlowToDie()
        mill.script.on("take", step)
        run = await mill.host.start(take_beside_words, "x", id="1")
        for _ in range(2):
            await run.send(Go())
        mill.engine._work.journal._limits = Limits()

        await mill.engine.retry("take_beside_words", "1", who="ada")
        await step.cancelled.wait()
        await run.send(Go())
        await mill.settle()
        before = list(mill.books.lines)
        step.open()
        await mill.spend(MINUTE)

        assert (before, mill.books.lines) == ([], ["take x", "give back x"])
        assert await mill.status(take_beside_words, "1") is RunStatus.FAILED


class _OldSkipped(msgspec.Struct, frozen=True, array_like=True, tag="skip"):
    """A skip as journals had it that did not say whether the call had arrived."""

    path: str
    who: str
    why: str
    reply: bytes | None = None


def test_a_skip_of_an_older_journal_means_what_it_meant() -> None:
    """Entries that do not say whether the call had arrived decode as before."""
    old = msgspec.msgpack.encode(_OldSkipped("a.b.1", "ada", "why"))

    entry = decode_entry(old)

    assert entry == Skipped("a.b.1", "ada", "why", None, arrived=False)
