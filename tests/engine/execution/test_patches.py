"""patched: new code for runs that come to it new, old code for those that had passed it."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.execution.desk import Desk, Ping
from tests.engine.execution.driver import Begin, Driver
from weft.errors import JournalDiverged
from weft.flow.messages import receive
from weft.flow.patches import deprecate_patch, patched
from weft.model.workflow import Workflow, workflow


@workflow
async def old(n: int, *, desk: Desk) -> int:
    """Look and note."""
    await desk.look(n)
    await desk.note(n)
    return (await receive(Ping)).n


@workflow
async def mended(n: int, *, desk: Desk) -> int:
    """Reserve in the place of noting, from a patch on."""
    await desk.look(n)
    if patched("reserve"):
        await desk.reserve(n)
    else:
        await desk.note(n)
    return (await receive(Ping)).n


@workflow
async def deprecated(n: int, *, desk: Desk) -> int:
    """Only reserve, while runs may be there that were asked."""
    await desk.look(n)
    deprecate_patch("reserve")
    await desk.reserve(n)
    return (await receive(Ping)).n


@workflow
async def clean(n: int, *, desk: Desk) -> int:
    """Only reserve."""
    await desk.look(n)
    await desk.reserve(n)
    return (await receive(Ping)).n


def under(flow: Workflow[int, int], run: Driver) -> Driver:
    """Return a driver of other code, built from the journal of a run."""
    return Driver(flow, run.settings, journal=run.journal)


def test_new_run_takes_the_patch(begin: Begin) -> None:
    """A run that comes to the patch for the first time goes by it, and still does after every crash."""
    run = begin(mended).reply("look.1")

    assert run.calls == ["reserve.1"]
    assert run.reply("reserve.1").send(Ping(7)).result == 7


def test_run_that_had_passed_keeps_the_old_way(begin: Begin) -> None:
    """A journal without the patch is told again without it, and goes on without it."""
    run = under(mended, begin(old).reply("look.1"))

    assert run.calls == ["note.1"]
    assert run.reply("note.1").send(Ping(7)).result == 7


def test_run_that_had_not_come_so_far_takes_the_patch(begin: Begin) -> None:
    """What a run has not executed yet is new to it."""
    run = under(mended, begin(old))

    assert run.reply("look.1").calls == ["reserve.1"]


def test_answer_is_remembered_at_the_first_time_of_asking(begin: Begin) -> None:
    """A loop that was begun the old way is ended the old way."""

    @workflow
    async def loop(n: int, *, desk: Desk) -> None:
        for each in range(3):
            await (desk.reserve(each) if n < 0 or patched("p") else desk.note(each))

    @workflow
    async def before(n: int, *, desk: Desk) -> None:
        for each in range(n + 3):
            await desk.note(each)

    run = Driver(loop, begin(before).settings, journal=begin(before).reply("note.1").journal)

    assert run.reply("note.2").calls == ["note.3"]


def test_two_patches_are_apart(begin: Begin) -> None:
    """Each patch is asked for by itself, in any task; all of a step are in the journal."""

    @workflow
    async def flow(n: int) -> int:
        async def ask(name: str) -> bool:
            return patched(name)

        return n + sum(await asyncio.gather(ask("a"), ask("b"), ask("a")))

    assert begin(flow).result == 3


def test_removed_patch_is_a_divergence_that_says_so(begin: Begin) -> None:
    """Code that forgot a patch which runs go by is stopped, and the patch is named."""
    run = begin(mended).reply("look.1")

    with pytest.raises(JournalDiverged, match="the journal has patch reserve") as stopped:
        under(clean, run)
    assert "test_patches.py" in stopped.value.where


def test_deprecated_patch_replays_runs_that_took_it(begin: Begin) -> None:
    """`deprecate_patch` stands in for `patched` in runs that took it, and in new ones."""
    run = under(deprecated, begin(mended).reply("look.1"))
    new = begin(deprecated).reply("look.1")

    assert run.calls == new.calls == ["reserve.1"]
    assert under(mended, new).calls == ["reserve.1"]


def test_deprecated_patch_may_go(begin: Begin) -> None:
    """A run that knows the patch as a deprecated one is told again by code that has forgotten it."""
    run = under(clean, begin(deprecated).reply("look.1"))

    assert run.reply("reserve.1").send(Ping(4)).result == 4


def test_run_of_the_old_way_diverges_from_a_deprecated_patch(begin: Begin) -> None:
    """`deprecate_patch` comes when no run takes the old way any more: one that does is stopped."""
    with pytest.raises(JournalDiverged):
        under(deprecated, begin(old).reply("look.1"))
