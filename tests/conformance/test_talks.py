"""Runs hear, answer, show, continue and start one another alike on every engine."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.stage import (
    Desk,
    Full,
    Question,
    Word,
    caller,
    generations,
    heard,
    in_turn,
    listener,
    parent,
    parent_for_a_while,
    parent_of_failure,
    patient,
    roomy,
    sleeper,
)
from weft.errors import RunCancelled, RunClosed, RunNotFound, ValueInvalid
from weft.host.host import Host


async def test_words_are_heard_in_order(host: Host, key: str) -> None:
    """Signals are received in the order in which they were sent, also those before the run came that far."""
    run = await host.start(listener, 3, id=key)
    for text in ("a", "b", "c"):
        await run.send(Word(text))

    assert await run.result() == ["a", "b", "c"]


async def test_state_is_seen_from_outside(host: Host, key: str) -> None:
    """What a run shows is read while it runs and after its end; before it shows anything it is the initial value."""
    run = await host.start(listener, 1, id=key)
    before = await run.read(heard)
    await run.send(Word("a"))
    await run.result()

    assert before == ["nothing"]
    assert await run.read(heard) == ["a"]


async def test_a_run_asks_how_full_its_journal_is(host: Host, key: str) -> None:
    """A workflow may ask at any time whether it should continue as new; a short run should not."""
    run = await host.start(roomy, 2, id=key)

    assert await run.result() == [False, False]


async def test_a_question_is_answered(host: Host, key: str) -> None:
    """An update gets the run's answer, and a refusal as it was raised."""
    run = await host.start(listener, 1, id=key)

    answer = await run.ask(Question("how many"))
    with pytest.raises(Full, match="elephant"):
        await run.ask(Question("elephant"))

    assert answer == "how many: 0"


async def test_a_question_of_one_id_is_asked_once(host: Host, key: str) -> None:
    """Who asks again under the same id gets the same answer, also once the run has ended."""
    run = await host.start(listener, 1, id=key)
    first = await run.ask(Question("how many"), id="q-1")
    await run.send(Word("a"))
    await run.result()

    assert await run.ask(Question("how many"), id="q-1") == first


async def test_nobody_answers_once_it_has_ended(host: Host, key: str) -> None:
    """Messages to a run that has ended are refused; to one that never was, otherwise."""
    run = await host.start(listener, 0, id=key)
    await run.result()

    with pytest.raises(RunClosed):
        await run.send(Word("late"))
    with pytest.raises(RunClosed):
        await run.ask(Question("late"))
    with pytest.raises(RunNotFound):
        await host.find(listener, f"{key}-none").send(Word("lost"))


async def test_an_unreadable_message_is_refused(host: Host, key: str) -> None:
    """What does not fit its class is refused to whoever sends it, and does not fail the run."""
    run = await host.start(listener, 1, id=key)

    with pytest.raises(ValueInvalid):
        await host.engine.send(run.workflow, run.id, kind="Word", data=b'{"text": 7}')
    await run.send(Word("a"))

    assert await run.result() == ["a"]


async def test_messages_of_one_id_are_told_once(host: Host, key: str) -> None:
    """A sender that sends again under the same id is heard once."""
    run = await host.start(listener, 2, id=key)
    for text, name in (("a", "m-1"), ("a", "m-1"), ("b", "m-2")):
        data = f'{{"text":"{text}"}}'.encode()
        await host.engine.send(run.workflow, run.id, kind="Word", data=data, message_id=name)

    assert await run.result() == ["a", "b"]


async def test_silence_has_an_end(host: Host, key: str) -> None:
    """A receive waits no longer than it says."""
    assert await (await host.start(patient, 30, id=key)).result() == "silence"


async def test_a_run_lives_on(host: Host, key: str) -> None:
    """A run that continues as new is one run: its state, its messages and its result go over."""
    run = await host.start(generations, 3, id=key)
    await run.send(Word("still there"))

    assert await run.result() == ["still there"]
    assert await run.read(heard) == ["1 left"]


async def test_a_child_gives_its_result(host: Host, key: str) -> None:
    """A run that runs another gets its result; the child is a run like any other."""
    run = await host.start(parent, f"{key}-child", id=key)

    assert await run.result() == ["THING-0", "THING-1"]
    assert await host.find(in_turn, f"{key}-child").result() == ["THING-0", "THING-1"]


async def test_a_child_that_is_there_is_found(host: Host, desk: Desk, key: str) -> None:
    """A child that somebody has started with the same input is waited for and not started twice."""
    await (await host.start(in_turn, 2, id=f"{key}-child")).result()

    assert await (await host.start(parent, f"{key}-child", id=key)).result() == ["THING-0", "THING-1"]
    assert len(desk.lines) == 2


async def test_a_failed_child_says_how(host: Host, key: str) -> None:
    """The parent is told the kind of the child's exception, after the child's undos."""
    assert await (await host.start(parent_of_failure, f"{key}-child", id=key)).result() == "ValueError"


async def test_a_child_is_closed_when_nobody_waits(host: Host, desk: Desk, key: str) -> None:
    """Who stops waiting for a child cancels it, and goes on once it has ended."""
    assert await (await host.start(parent_for_a_while, f"{key}-child", id=key)).result() == "left"

    with pytest.raises(RunCancelled):
        await host.find(sleeper, f"{key}-child").result()
    assert desk.lines == ["take pillow", "give back pillow"]


async def test_a_run_talks_to_another(host: Host, key: str) -> None:
    """A run sends words to another and asks it, as anybody does."""
    listening = await host.start(listener, 2, id=f"{key}-ear")

    told = await (await host.start(caller, f"{key}-ear", id=key)).result()
    await listening.send(Word("bye"))

    assert told == "how many: 1"
    assert await listening.result() == ["hello", "bye"]


async def test_many_ask_at_once(host: Host, key: str) -> None:
    """Each of several who ask at the same time gets an answer."""
    run = await host.start(listener, 1, id=key)

    answers = await asyncio.gather(*(run.ask(Question(f"q{number}")) for number in range(5)))

    assert answers == [f"q{number}: 0" for number in range(5)]
