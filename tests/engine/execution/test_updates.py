"""Updates: received in one order with signals, answered once, an answer is a command."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.engine.execution.desk import ENCODED_TAKEN, Bid, Desk, Ping, Taken
from tests.engine.execution.driver import Begin, Driver
from weft.codec import codec_for
from weft.engine.execution.commands import UpdateAnswered
from weft.errors import AlreadyAnswered, JournalDiverged, LimitExceeded, OutsideRun
from weft.flow.messages import receive
from weft.model.message import Answer, answer_codec, read_answer
from weft.model.policy import Limits
from weft.model.workflow import workflow


def said(run: Driver) -> list[tuple[str, bytes, str]]:
    """Return the answers that a run gave: the message's id, the bytes, the refusal."""
    return [(each.id, each.data, each.refusal) for each in run.answers]


@workflow
async def auction(n: int, *, desk: Desk) -> int:
    """Take bids that are higher than the last, until a ping."""
    while True:
        match await receive(Bid, Ping):
            case Bid() as bid if bid.n <= n:
                bid.refuse(Taken("somebody was first"))
            case Bid() as bid:
                await desk.note(bid.n)
                n = bid.n
                bid.answer(n)
            case Ping():
                return n


def test_updates_and_signals_keep_one_order(begin: Begin) -> None:
    """A signal that came before an update is received before it, and the other way about."""
    run = begin(auction).send(Bid(3)).send(Ping(0)).send(Bid(5)).reply("note.1")

    assert said(run) == [("m1", b"3", "")]
    assert run.result == 3


def test_refusal_is_an_answer(begin: Begin) -> None:
    """A refused update is answered with the refusal's fields, and the run goes on."""
    run = begin(auction).send(Bid(0)).send(Bid(2)).reply("note.1").send(Ping(0))

    assert said(run) == [("m1", ENCODED_TAKEN, "Taken"), ("m2", b"2", "")]


def test_second_answer_is_an_error(begin: Begin) -> None:
    """An update is answered once: who answers it again learns of the mistake, and the first answer stands."""

    @workflow
    async def flow(n: int) -> int:
        bid = await receive(Bid)
        bid.answer(n)
        with pytest.raises(AlreadyAnswered):
            bid.answer(n + 1)
        with pytest.raises(AlreadyAnswered):
            bid.refuse(Taken("no"))
        return n

    assert said(begin(flow).send(Bid(1))) == [("m1", b"0", "")]


def test_undeclared_refusal_is_an_error(begin: Begin) -> None:
    """An update that says what it may be refused with is refused with nothing else."""

    class Other(Taken):
        """Not declared."""

    @workflow
    async def flow(n: int) -> int:
        bid = await receive(Bid)
        with pytest.raises(TypeError, match="may be refused with Taken, not with Other"):
            bid.refuse(Other("no"))
        bid.answer(n)
        return n

    assert begin(flow).send(Bid(1)).result == 0


def test_answer_is_given_by_any_task(begin: Begin) -> None:
    """A task that was handed an update answers it; two answers of one step both leave."""

    @workflow
    async def flow(n: int) -> int:
        async def serve() -> None:
            (await receive(Bid)).answer(n)

        await asyncio.gather(serve(), serve())
        return n

    run = begin(flow).send(Bid(1)).send(Bid(2))

    assert said(run) == [("m1", b"0", ""), ("m2", b"0", "")]


def test_answer_over_the_limit_is_refused(begin: Begin) -> None:
    """An answer is a payload like any other; refused, the update can still be answered with less."""

    class Long(Bid):
        """A bid whose answer may be long."""

    @workflow
    async def flow(n: int) -> int:
        update = await receive(Long)
        with pytest.raises(LimitExceeded):
            update.answer(10**9)
        update.answer(n)
        return n

    run = begin(flow, limits=Limits(payload_bytes=9)).send(Long(1))

    assert said(run) == [("m1", b"0", "")]


def test_unanswered_update_ends_with_the_run(begin: Begin) -> None:
    """A run may end without an answer; nothing is answered in its name."""

    @workflow
    async def flow(n: int) -> int:
        await receive(Bid)
        return n

    run = begin(flow).send(Bid(1))

    assert (run.result, said(run)) == (0, [])


def test_update_that_no_run_received_has_no_answer() -> None:
    """An update outside of a run cannot be answered."""
    with pytest.raises(OutsideRun, match="was not received by a run"):
        Bid(1).answer(1)


def test_answer_that_is_missing_is_a_divergence(begin: Begin) -> None:
    """Code that does not answer what the journal answered is stopped; another value is no divergence."""

    @workflow
    async def silent(n: int, *, desk: Desk) -> int:
        bid = await receive(Bid)
        await desk.note(bid.n)
        return (await receive(Ping)).n

    run = begin(auction).send(Bid(3)).reply("note.1")
    other = [msgspec.structs.replace(each, data=b"4") for each in run.answers]
    journal = [*run.journal[:-1], run.journal[-1]._replace(commands=list(other))]

    Driver(auction, run.settings, journal=journal).evict()
    with pytest.raises(JournalDiverged, match="answer m1"):
        Driver(silent, run.settings, journal=run.journal)


def test_answer_is_typed_by_the_class_of_the_update() -> None:
    """The class says what the answer is, through subclasses and by name; refusals are found by theirs."""

    class Later(Bid):
        """Inherits what it is answered with."""

    assert answer_codec(Later).encode(3) == b"3"
    assert read_answer(Later, Answer(b"3")) == 3
    with pytest.raises(Taken) as refusal:
        read_answer(Later, Answer(codec_for(Taken).encode(Taken("x")), "Taken"))
    assert refusal.value == Taken("x")
    assert UpdateAnswered("m", b"").refusal == ""
