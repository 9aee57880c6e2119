"""The pipeline: policies around the dispatcher, the outermost first, and a promise kept for all of them."""

from __future__ import annotations

from typing import Any

from tests.host.bank import Rates, bank
from tests.host.test_dispatcher import call
from weft.clock import VirtualClock
from weft.errors import NotDone, OutcomeUnknown
from weft.host.dispatcher import Bound
from weft.host.pipeline import Pipeline
from weft.model.call import Call, Handler, Outcome, Policy, Reply


def pipeline(*policies: Policy) -> Pipeline:
    """Return a pipeline to the rates."""
    pipe = Pipeline(policies, clock=VirtualClock())
    rates: Any = Rates()
    pipe.connect({"rates.rate": Bound(bank.operations["rates.rate"], rates.rate)})
    return pipe


async def test_policies_stand_in_order() -> None:
    """The first policy is the outermost."""
    order: list[str] = []

    def named(name: str) -> Policy:
        def around(handler: Handler) -> Handler:
            async def handle(call: Call) -> Outcome:
                order.append(name)
                return await handler(call)

            return handle

        return around

    outcome = await pipeline(named("outer"), named("inner")).send(call("rates.rate", "EUR"))

    assert (outcome, order) == (Reply(b"3"), ["outer", "inner"])


async def test_policy_may_answer_itself() -> None:
    """A policy need not pass a call on."""
    refusal = NotDone("closed", reason="admission")

    def closed(_: Handler) -> Handler:
        async def handle(_: Call) -> Outcome:
            return refusal

        return handle

    assert await pipeline(closed).send(call("rates.rate", "EUR")) is refusal


async def test_broken_policy_is_an_unknown_outcome() -> None:
    """A policy that raises fails its call and nothing else."""

    def broken(_: Handler) -> Handler:
        async def handle(call: Call) -> Outcome:
            raise ZeroDivisionError(call.id)

        return handle

    outcome = await pipeline(broken).send(call("rates.rate", "EUR"))

    assert isinstance(outcome, OutcomeUnknown)
    assert outcome.reason == "policy"
