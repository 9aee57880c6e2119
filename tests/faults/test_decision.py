"""What a fault strikes is a function of seed and call; what changes an outcome follows the business key alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.post import ARRIVED, Counter, FastPost, Lost, Post, call, office
from weft.clock import VirtualClock
from weft.errors import OutcomeUnknown
from weft.faults.decision import Decision, chance
from weft.faults.lottery import STRUCK_ATTEMPTS
from weft.faults.plan import Plan
from weft.model.call import Call
from weft.model.system import System

fast = System("fast", services=[FastPost])
SEND = office.operations["post.send"]


def parcels(count: int) -> list[str]:
    """Return the names of some parcels."""
    return [f"p{number}" for number in range(count)]


@given(st.integers(), st.text(), st.integers(1, 9))
def test_chance_is_a_uniform_function(seed: int, word: str, number: int) -> None:
    """The same arguments give the same number in [0, 1), and others another."""
    assert 0 <= chance(seed, word, number) == chance(seed, word, number) < 1
    assert chance(seed, word, number) != chance(seed, word, number + 1)


def test_rate_strikes_that_fraction() -> None:
    """Of many calls about as many are struck as the rate says."""
    decision = Decision("lose", seed=1, rate=0.2)

    struck = sum(decision.strikes(SEND, call("post.send", parcel, caller=parcel)) for parcel in parcels(2000))

    assert 300 < struck < 500


@pytest.mark.parametrize("chain", ["a", "b"])
def test_rate_does_not_depend_on_the_life_of_a_run(chain: str) -> None:
    """Chains differ between two lives of one run, and what is struck does not."""
    decision = Decision("lose", seed=1, rate=0.5)

    struck = [decision.strikes(SEND, call("post.send", p, id=f"{chain}/0/0/send.1", caller=p)) for p in parcels(20)]

    other = [decision.strikes(SEND, call("post.send", p, id="z/0/0/send.1", caller=p)) for p in parcels(20)]
    assert struck == other


async def refused(order: list[str], *, attempts: int) -> set[str]:
    """Return which parcels are refused when they come in an order, each as often as that."""
    counter = Counter(seed=3)
    counter.plan.refuse(Post.hand_over, with_=Lost("p"), rate=0.5)
    return {
        parcel
        for parcel in order
        for attempt in range(attempts)
        if await counter.send(call("post.hand_over", parcel, attempt=attempt + 1)) != ARRIVED
    }


async def test_refusals_do_not_depend_on_interleaving_or_attempts() -> None:
    """However the calls come and however often each is sent, the same keys are refused."""
    order = parcels(30)
    shuffled = random.Random(5).sample(order, len(order))

    first = await refused(order, attempts=1)

    assert first == await refused(shuffled, attempts=3)
    assert 0 < len(first) < len(order)


async def test_what_may_not_be_repeated_is_struck_by_key() -> None:
    """Losing a call that is never sent again changes its outcome, so a rate strikes it by its key."""
    counter = Counter(seed=3)
    counter.plan.lose_reply(Post.send, rate=0.5)

    outcomes = [
        [type(await counter.send(call("post.send", parcel, id=f"c/0/0/{path}"))) for path in range(5)]
        for parcel in parcels(20)
    ]

    assert all(len(set(each)) == 1 for each in outcomes)
    assert len({each[0] for each in outcomes}) == 2


def drawn(system: System, calls: list[Call], *, rate: float = 1.0) -> list[str]:
    """Return the name of the fault that a lottery draws for each call; empty for none."""
    plan = Plan.from_rate(system, rate, seed=5, clock=VirtualClock())
    assert plan.lottery is not None
    policies = [plan.lottery.draw(system.operations[each.target], each) for each in calls]
    return ["" if policy is None else policy.__qualname__.partition(".")[0] for policy in policies]


def test_lottery_draws_every_fault_for_what_is_exactly_once() -> None:
    """A service that knows its calls again survives all of them."""
    names = set(drawn(fast, [call("fast-post.send", p, system=fast, caller=p) for p in parcels(200)]))

    assert names == {
        "lose_request", "lose_reply", "refuse", "delay", "duplicate", "crash_before_commit", "crash_after_commit",
    }  # fmt: skip


def test_lottery_spares_outcomes() -> None:
    """What may not be repeated is never lost, and what a late copy may harm is never doubled."""
    once = set(drawn(office, [call("post.send", p, caller=p) for p in parcels(200)]))
    idempotent = set(drawn(office, [call("post.label", p, "x", caller=p) for p in parcels(200)]))

    assert once == {"refuse", "delay"}
    assert idempotent >= once | {"lose_request", "lose_reply"}
    assert "duplicate" not in idempotent


def test_lottery_leaves_late_attempts_alone() -> None:
    """A call ends after a few attempts, whatever the rate."""
    calls = [call("fast-post.send", "p", system=fast, attempt=STRUCK_ATTEMPTS + each) for each in (0, 1)]

    assert [bool(name) for name in drawn(fast, calls)] == [True, False]


def test_lottery_keeps_its_rate() -> None:
    """A fraction of all attempts is struck."""
    names = drawn(fast, [call("fast-post.send", p, system=fast, caller=p) for p in parcels(2000)], rate=0.1)

    assert 130 < sum(map(bool, names)) < 270


async def test_plan_strikes_with_what_its_lottery_draws() -> None:
    """The lottery of a plan strikes real calls: those for which it draws a loss do not arrive."""
    counter = Counter(office)
    send = Plan.from_rate(office, 1.0, seed=5, clock=counter.clock)(counter.answer)
    calls = [call("post.label", parcel, "x", caller=parcel) for parcel in parcels(100)]
    lost = [each for each, name in zip(calls, drawn(office, calls), strict=True) if name == "lose_request"]

    outcomes = [await send(each) for each in lost]

    assert lost
    assert counter.arrived == []
    assert all(isinstance(outcome, OutcomeUnknown) for outcome in outcomes)
