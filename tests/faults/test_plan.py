"""Each fault does what its name says, to the attempts that it was ordered for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.faults.post import ARRIVED, CityPost, Counter, Lost, Post, call, office
from weft.errors import NotDone, OutcomeUnknown, SettingInvalid
from weft.faults.crash import Crashed, doomed
from weft.model.call import Call, Outcome, Refused


@pytest.fixture
def counter() -> Counter:
    """Return a post office without faults."""
    return Counter()


async def test_lost_request_does_not_arrive(counter: Counter) -> None:
    """The callee hears nothing, and the caller cannot know."""
    counter.plan.lose_request(Post.send, times=1)

    outcome = await counter.send(call("post.send", "p"))

    assert isinstance(outcome, OutcomeUnknown)
    assert (outcome.reason, counter.arrived) == ("timeout", [])


async def test_lost_reply_does_arrive(counter: Counter) -> None:
    """The callee works, and the caller sees exactly what a lost request looks like."""
    counter.plan.lose_request(Post.send, times=1)
    counter.plan.lose_reply(Post.send, times=1)
    outcomes = [await counter.send(call("post.send", "p")) for _ in range(3)]

    assert str(outcomes[0]) == str(outcomes[1])
    assert outcomes[2] == ARRIVED
    assert len(counter.arrived) == 2


async def test_duplicate_arrives_after_the_answer(counter: Counter) -> None:
    """The same call arrives a second time, once the first was answered and the time has passed."""
    counter.plan.duplicate(Post.label, after=timedelta(seconds=5), times=1)

    outcome = await counter.send(call("post.label", "p", "x"))
    at_once = len(counter.arrived)
    await counter.pass_time(5000)

    assert (outcome, at_once) == (ARRIVED, 1)
    assert counter.arrived == [call("post.label", "p", "x")] * 2
    assert counter.plan.network.unawaited == 0


async def test_delayed_request_arrives_later(counter: Counter) -> None:
    """A request that is late is answered late."""
    counter.plan.delay(Post.label, by=timedelta(seconds=5))
    sent = asyncio.ensure_future(counter.send(call("post.label", "p", "x")))

    await counter.pass_time(4999)
    before = list(counter.arrived)
    await counter.pass_time(1)

    assert (before, await sent) == ([], ARRIVED)


async def test_delayed_request_arrives_though_its_caller_gave_up(counter: Counter) -> None:
    """A request under way does not come back because nobody waits for it any more."""
    counter.plan.delay(Post.label, by=timedelta(seconds=5))
    sent = asyncio.ensure_future(counter.send(call("post.label", "p", "x")))
    await counter.pass_time(1000)

    sent.cancel()
    await counter.pass_time(0)
    unawaited = counter.plan.network.unawaited
    await counter.pass_time(4000)

    assert sent.cancelled()
    assert (unawaited, len(counter.arrived), counter.plan.network.unawaited) == (1, 1, 0)


async def test_delay_past_the_deadline_is_unknown_at_the_deadline(counter: Counter) -> None:
    """A caller with a deadline gives up at it; the request arrives nevertheless."""
    counter.plan.delay(Post.label, by=timedelta(seconds=5))
    sent = asyncio.ensure_future(counter.send(call("post.label", "p", "x", remaining_ms=2000)))

    await counter.pass_time(2000)
    outcome = await sent
    await counter.pass_time(3000)

    assert isinstance(outcome, OutcomeUnknown)
    assert len(counter.arrived) == 1


async def test_refused_call_is_not_done(counter: Counter) -> None:
    """A call that is turned away does not arrive and certainly did not happen."""
    counter.plan.refuse(Post.send, times=1)

    outcome = await counter.send(call("post.send", "p"))

    assert isinstance(outcome, NotDone)
    assert counter.arrived == []


async def test_refusal_of_the_callee_is_given_in_its_place(counter: Counter) -> None:
    """A declared refusal is answered for the keys that it strikes, at each of their attempts, and for no other."""
    counter.plan.refuse(Post.hand_over, with_=Lost("p"), times=1)

    outcomes = [await counter.send(call("post.hand_over", parcel)) for parcel in ("p", "p", "q")]

    assert isinstance(outcomes[0], Refused)
    assert office.operations["post.hand_over"].refusal(outcomes[0]) == Lost("p")
    assert outcomes == [outcomes[0], outcomes[0], ARRIVED]


def test_refusal_that_is_not_declared_is_refused(counter: Counter) -> None:
    """A fault cannot make an operation say what it never says."""
    with pytest.raises(SettingInvalid, match="does not declare the refusal Lost"):
        counter.plan.refuse(Post.send, with_=Lost("p"))


async def test_crash_before_commit_dooms_the_call_alone() -> None:
    """The dispatcher is told which call dies before its commit; nothing of that stays in the context."""
    counter = Counter()
    seen: list[str | None] = []

    async def dies(call: Call) -> Outcome:
        seen.append(doomed.get())
        raise Crashed(call.id)

    counter.plan.crash(Post.send)
    outcome = await counter.plan(dies)(call("post.send", "p", id="c"))

    assert isinstance(outcome, OutcomeUnknown)
    assert (outcome.reason, seen, doomed.get()) == ("crash", ["c"], None)


async def test_crash_after_commit_looks_like_one_before(counter: Counter) -> None:
    """The callee has worked; the caller cannot know how far it came."""
    counter.plan.crash(Post.send, after_commit=True)

    outcome = await counter.send(call("post.send", "p"))

    assert isinstance(outcome, OutcomeUnknown)
    assert (outcome.reason, len(counter.arrived)) == ("crash", 1)


async def test_predicate_chooses_calls(counter: Counter) -> None:
    """A predicate of the call says which attempts are struck."""
    counter.plan.lose_request(Post.label, when=lambda call: call.attempt == 2)

    for attempt in (1, 2, 3):
        await counter.send(call("post.label", "p", "x", attempt=attempt))

    assert [each.attempt for each in counter.arrived] == [1, 3]


async def test_cleared_plan_strikes_nothing(counter: Counter) -> None:
    """After clear() calls go through."""
    counter.plan.lose_request(Post.send)
    counter.plan.clear()

    assert await counter.send(call("post.send", "p")) == ARRIVED


@pytest.mark.parametrize("target", [Post.where, CityPost.where, "post.where"])
async def test_operation_is_named_as_callers_name_it(counter: Counter, target: object) -> None:
    """The contract's method, the implementation's and the name on disk mean one operation."""
    counter.plan.lose_request(target)  # pyright: ignore[reportArgumentType]

    assert isinstance(await counter.send(call("post.where", "p")), OutcomeUnknown)


@pytest.mark.parametrize("target", [Lost, "post.nothing", print])
def test_what_is_no_operation_is_refused(counter: Counter, target: object) -> None:
    """A fault for something that the System does not have is refused with what it has."""
    with pytest.raises(SettingInvalid, match=r"post\.send"):
        counter.plan.lose_reply(target)  # pyright: ignore[reportArgumentType]
