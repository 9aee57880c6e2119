"""crash_everywhere: a workflow that is right survives every crash, and one that is not is found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.testing.till import Bell, Reminder, Till, buy, buy_many, collect, corner, reminders, ring_twice, wait_for
from weft.errors import PropertyBroken
from weft.model.run import RunStatus
from weft.testing.crash import crash_everywhere
from weft.testing.world import World


async def test_saga_survives_every_crash() -> None:
    """Wherever it is crashed, a saga that ends well has applied each effect once."""
    report = await crash_everywhere(corner, buy, "o-1")

    assert report.ending.status is RunStatus.COMPLETED
    assert report.ending.applied == {"shelf.reserve": 1, "till.charge": 1}
    assert report.lives > report.commits > 2


async def test_unwinding_survives_every_crash() -> None:
    """Wherever it is crashed, a saga that fails has undone what it did, once."""
    report = await crash_everywhere(corner, buy, "broke")

    assert report.ending.status is RunStatus.FAILED
    assert report.ending.applied == {"shelf.reserve": 1, "shelf.release": 1}


async def test_signals_and_states_survive_every_crash() -> None:
    """Each signal is told once, in order, and the last state is there."""
    signals = [(timedelta(days=day), Reminder(str(day))) for day in (1, 2)]

    report = await crash_everywhere(corner, collect, 2, signals=signals, states=[reminders])

    assert report.ending.result == b'"paid 1-2"'
    assert report.ending.states == {"reminders": b'["1","2"]'}


async def test_faults_and_crashes_go_together() -> None:
    """Lost replies and service crashes on top of engine crashes change no ending."""

    def faults(world: World) -> None:
        world.faults.lose_reply("shelf.reserve", times=1)
        world.faults.crash(Till.charge, times=1)

    report = await crash_everywhere(corner, buy, "o-1", faults=faults, seed=5)

    assert report.ending.applied == {"shelf.reserve": 1, "till.charge": 1}


@pytest.mark.parametrize(("count", "charged"), [(3, 3), (4, 3)])
async def test_branches_survive_every_crash(count: int, charged: int) -> None:
    """Branches of a gather that work at once are each applied once, and undone once if one of them fails."""
    report = await crash_everywhere(corner, buy_many, count, faults=lambda world: world.faults.at_rate(0.3))

    applied = report.ending.applied
    assert (applied["shelf.reserve"], applied["till.charge"]) == (count, charged)
    assert applied.get("shelf.release", 0) == (count if count > charged else 0)


async def test_effect_that_may_not_be_repeated_is_found() -> None:
    """A service that forgets its calls cannot hide behind a crash: nobody knows whether it worked."""
    with pytest.raises(
        PropertyBroken, match=r"crashed after commit .* status is needs attention and was completed"
    ) as broken:
        await crash_everywhere(corner, ring_twice, "o-1", replace=lambda: {Bell: Bell()})

    assert isinstance(broken.value.data["commit"], int)


async def test_run_without_an_end_is_found() -> None:
    """A run that does not end in its time is no proof of anything."""
    with pytest.raises(PropertyBroken, match="has not ended"):
        await crash_everywhere(corner, wait_for, 3, within=timedelta(days=2))
