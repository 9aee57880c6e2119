"""Messages to runs and what runs show: in order, once, on disk before anybody is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.embedded.mill import HOUR, MINUTE, Depot, Gate, Mill
from weft.errors import LimitExceeded, RunClosed, RunNotFound
from weft.flow.messages import receive
from weft.flow.state import State
from weft.model.message import Signal
from weft.model.policy import Limits
from weft.model.workflow import workflow


class Word(Signal):
    """Something said."""

    text: str


class Stop(Signal):
    """Enough."""


heard = State("heard", "")


@workflow
async def listen(start: str) -> str:
    """Collect words until told to stop, and show what was heard so far."""
    text = start
    while True:
        match await receive(Word, Stop):
            case Word() as word:
                text += word.text
                heard.set(text)
            case Stop():
                return text


@workflow
async def patient(days: int) -> str:
    """Wait for a word, but not for ever."""
    try:
        return (await receive(Word, within=timedelta(days=days))).text
    except TimeoutError:
        return "silence"


@workflow
async def busy(key: str, *, depot: Depot) -> str:
    """Put something before listening."""
    await depot.put(key)
    return (await receive(Word)).text


async def test_messages_are_received_in_the_order_of_their_sending(tmp_path: Path) -> None:
    """One sender's order is kept, over kinds, within a moment and over crashes."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")
        await asyncio.gather(*(run.send(Word(letter)) for letter in "abc"))
        await mill.reopen()
        run = mill.host.find(listen, "1")

        await asyncio.gather(run.send(Word("d")), run.send(Word("e")), run.send(Stop()))

        assert await run.result() == "abcde"


async def test_a_message_of_one_id_is_told_once(tmp_path: Path) -> None:
    """A sender that does not know whether it was heard says it again, in this life and in the next."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")

        async def send() -> None:
            data = b'{"text":"a"}'
            await mill.engine.send("listen", "1", kind="Word", data=data, message_id="m-1")

        await asyncio.gather(send(), send())
        await mill.reopen()
        await send()
        run = mill.host.find(listen, "1")
        await run.send(Stop())

        assert await run.result() == "a"


async def test_a_message_that_was_told_before_the_end_is_not_refused_after_it(tmp_path: Path) -> None:
    """Its sender hears of success when it asks again, though the run has ended since."""
    async with Mill(tmp_path, listen) as mill:
        await mill.host.start(listen, "", id="1")
        await mill.engine.send("listen", "1", kind="Stop", data=b"{}", message_id="m-1")
        await mill.settle()

        await mill.engine.send("listen", "1", kind="Stop", data=b"{}", message_id="m-1")

        with pytest.raises(RunClosed):
            await mill.engine.send("listen", "1", kind="Stop", data=b"{}", message_id="m-2")


async def test_a_message_is_on_disk_when_its_sending_returns(tmp_path: Path) -> None:
    """A crash right after `send` has returned does not lose it."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")
        await run.send(Word("a"))
        await mill.reopen()
        run = mill.host.find(listen, "1")
        await run.send(Stop())

        assert await run.result() == "a"


async def test_a_message_to_nobody_is_refused(tmp_path: Path) -> None:
    """An unknown run and one that has ended take no messages."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")
        await run.send(Stop())
        await mill.settle()

        with pytest.raises(RunClosed):
            await run.send(Word("late"))
        with pytest.raises(RunNotFound):
            await mill.host.find(listen, "2").send(Word("lost"))


async def test_a_message_in_the_moment_of_the_end_is_refused_or_received(tmp_path: Path) -> None:
    """Nobody is told that a message arrived which no one can receive any more."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")

        ends = await asyncio.gather(
            run.send(Word("a")), run.send(Stop()), run.send(Word("b")), run.cancel(), return_exceptions=True
        )
        await mill.reopen()

        assert [type(end).__name__ for end in ends] == ["NoneType", "NoneType", "RunClosed", "NoneType"]
        assert await mill.host.find(listen, "1").result() == "a"


async def test_a_message_waits_until_it_is_received(tmp_path: Path) -> None:
    """A message that comes before anybody listens is kept, over a crash too."""
    async with Mill(tmp_path, busy) as mill:
        mill.script.on("put", Gate())
        run = await mill.host.start(busy, "x", id="1")
        await run.send(Word("early"))

        await mill.reopen()

        assert await mill.host.find(busy, "1").result() == "early"


async def test_a_limit_of_time_is_kept_over_crashes(tmp_path: Path) -> None:
    """`within` counts from when it was asked for, whatever happened since."""
    async with Mill(tmp_path, patient) as mill:
        await mill.host.start(patient, 2, id="1")
        await mill.spend(24 * HOUR)
        await mill.reopen()

        await mill.spend(24 * HOUR - MINUTE)
        before = await mill.status(patient, "1")
        await mill.spend(MINUTE)

        assert before.is_open
        assert await mill.host.find(patient, "1").result() == "silence"


async def test_state_is_read_as_it_was_last_shown(tmp_path: Path) -> None:
    """Outsiders read the last state, its initial value before, and the last one after the end."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")
        first = await run.read(heard)
        await run.send(Word("a"))
        second = await run.read(heard)
        await run.send(Word("b"))
        await run.send(Stop())
        await mill.reopen()

        assert (first, second) == ("", "a")
        assert await mill.host.find(listen, "1").read(heard) == "ab"
        with pytest.raises(RunNotFound):
            await mill.host.find(listen, "2").read(heard)


async def test_state_read_outside_is_never_ahead_of_the_disk(tmp_path: Path) -> None:
    """Whatever is read of a run is still so after a crash in that moment."""
    async with Mill(tmp_path, listen) as mill:
        run = await mill.host.start(listen, "", id="1")
        for letter in "abcdef":
            sending = asyncio.ensure_future(run.send(Word(letter)))
            seen = await run.read(heard)
            while not sending.done():
                seen = await run.read(heard)
                await asyncio.sleep(0)
            await mill.reopen()

            run = mill.host.find(listen, "1")
            assert (await run.read(heard)).startswith(seen)


async def test_a_message_over_the_limit_is_refused_to_its_sender(tmp_path: Path) -> None:
    """A large message is refused, and so is one more than a run may hold; the run goes on."""
    async with Mill(tmp_path, busy, limits=Limits(payload_bytes=1_000, pending_messages=3)) as mill:
        gate = Gate()
        mill.script.on("put", gate)
        run = await mill.host.start(busy, "x", id="1")

        with pytest.raises(LimitExceeded, match="1,011 bytes"):
            await run.send(Word("x" * 1_000))
        ends = await asyncio.gather(*(run.send(Word(letter)) for letter in "abcd"), return_exceptions=True)
        gate.open()

        assert [isinstance(end, LimitExceeded) for end in ends] == [False, False, False, True]
        assert await run.result() == "a"


async def test_a_state_over_the_limit_fails_the_run_that_sets_it(tmp_path: Path) -> None:
    """A state is refused inside the run, as an argument would be, and nothing of it is shown."""
    async with Mill(tmp_path, listen, limits=Limits(payload_bytes=1_000)) as mill:
        run = await mill.host.start(listen, "x" * 900, id="1")
        await run.send(Word("y" * 500))
        await mill.settle()

        view = (await mill.story(listen, "1")).view
        assert view.reason.startswith("LimitExceeded: state heard has 1,402 bytes")
        assert await run.read(heard) == ""
