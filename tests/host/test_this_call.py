"""What an operation knows of the call that it answers."""

from datetime import timedelta

import pytest

from weft import Service, System, WeftError, compensated_by, idempotent, operation, saga, this_call, workflow
from weft.testing import World

SEEN: dict[str, list[tuple[str, str, int]]] = {}


class Till(Service, name="till"):
    """A till that notes by which call it was asked."""

    def note(self, what: str, order_id: str) -> None:
        """Note it."""
        call = this_call()
        assert order_id.encode() in call.arguments
        SEEN.setdefault(what, []).append((call.effect_id, call.tenant, call.attempt))

    @operation(idempotent)
    async def refund(self, order_id: str) -> None:
        """Pay back."""
        self.note("refund", order_id)

    @operation(compensated_by(refund))
    async def charge(self, order_id: str) -> None:
        """Take money."""
        self.note("charge", order_id)


@workflow
async def sell(order_id: str, *, till: Till) -> None:
    """Charge, charge again, and think better of it."""
    async with saga():
        await till.charge(order_id)
        await till.charge(order_id)
        raise ValueError(order_id)


SHOP = System("shop", services=[Till], workflows=[sell])


async def test_an_effect_and_its_undo_share_an_id() -> None:
    """Each of two equal calls has an id of its own, which its undo shares, at every attempt, and the run's tenant."""
    SEEN.clear()
    async with World(SHOP, seed=5) as world:
        world.faults.lose_reply(Till.refund, times=1)
        await world.start(sell, "o-1", id="o-1", tenant="acme")
        await world.advance(timedelta(minutes=5))

    first, second = SEEN["charge"]
    assert first[0] != second[0]
    assert [each[0] for each in SEEN["refund"]] == [second[0], second[0], first[0]]
    assert {each[1] for calls in SEEN.values() for each in calls} == {"acme"}
    assert [each[2] for each in SEEN["refund"]] == [1, 2, 1]


def test_outside_an_operation_there_is_no_call() -> None:
    """Where no operation is executing there is an error instead of a made-up id."""
    with pytest.raises(WeftError, match="WEFT-E211"):
        this_call()
