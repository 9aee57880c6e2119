"""A run that fails by a refusal gives it, with its fields, to whoever awaits the run, live, cold and over crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.embedded.mill import Mill, Safe, SoldOut
from weft.codec import codec_for
from weft.errors import RunFailed
from weft.flow.failures import read_refusal
from weft.flow.runs import Runs
from weft.model.refusal import Declined
from weft.model.workflow import workflow


class Tired(Declined):
    """A workflow's own refusal."""

    hours: int


@workflow
async def child(key: str, *, safe: Safe) -> str:
    """Fail as the service refuses, or in another way."""
    if key == "tired":
        raise Tired(7)
    if key == "broken":
        raise LookupError(key)
    return await safe.pay(key)


@workflow
async def parent(key: str, *, runs: Runs) -> str:
    """Await a child, and tell its refusal by its fields."""
    try:
        return await runs.run(child, key, id=f"{key}-child")
    except RunFailed as failed:
        match failed.refusal:
            case SoldOut(key=key):
                return f"sold out: {key}"
            case Tired(hours=hours):
                return f"tired for {hours} hours"
            case _:
                return f"{failed.kind}, {failed.__cause__}"


@workflow
async def grandparent(key: str, *, runs: Runs) -> str:
    """Raise on what the child was refused with."""
    try:
        return await runs.run(child, key, id=f"{key}-grandchild")
    except RunFailed as failed:
        raise (failed.refusal or failed) from failed


ENDS = [("none", "sold out: none"), ("tired", "tired for 7 hours"), ("broken", "LookupError, None")]


@pytest.mark.parametrize(("key", "end"), ENDS)
async def test_a_parent_reads_the_refusal_of_its_child(tmp_path: Path, key: str, end: str) -> None:
    """The refusal reaches the parent with its fields; an ordinary exception is no refusal."""
    async with Mill(tmp_path, child, parent) as mill:
        run = await mill.host.start(parent, key, id="p")

        assert await run.result() == end


async def test_a_refusal_is_told_again_after_a_crash(tmp_path: Path) -> None:
    """The parent's journal keeps it, and the child's row does for whoever asks later."""
    async with Mill(tmp_path, child, parent) as mill:
        mill.die_at = 3
        await mill.host.start(parent, "tired", id="p")
        await mill.settle()
        mill.die_at = None
        await mill.reopen()
        await mill.settle()

        assert await mill.host.find(parent, "p").result() == "tired for 7 hours"
        with pytest.raises(RunFailed) as caught:
            await mill.host.find(child, "tired-child").result()
        assert caught.value.refusal == Tired(7)
        assert caught.value.__cause__ == Tired(7)
        assert (await mill.story(child, "tired-child")).result is None


async def test_a_refusal_goes_on_through_generations_of_runs(tmp_path: Path) -> None:
    """A run that raises on what its child was refused with fails by that itself."""
    async with Mill(tmp_path, child, grandparent) as mill:
        run = await mill.host.start(grandparent, "none", id="g")

        with pytest.raises(RunFailed) as caught:
            await run.result()
        assert caught.value.refusal == SoldOut("none")
        assert caught.value.kind == "SoldOut"


def test_refusals_of_one_name_are_told_apart_by_their_fields() -> None:
    """Other classes of the name that have no fields do not take the fields away, in whatever order they are found."""
    others = [type("Gone", (Declined,), {"__module__": __name__}) for _ in range(20)]
    within = type("Gone", (Declined,), {"__module__": __name__, "__annotations__": {"key": str}})
    refusal = within("tea")

    assert read_refusal("Gone", codec_for(within).encode(refusal)) == refusal
    assert type(read_refusal("Gone", b"{}")) in others
