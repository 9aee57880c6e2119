"""Sagas: which calls are undone, in which order, and what an unwinding waits for."""

from __future__ import annotations

import asyncio

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.errors import ScopeClosed
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


async def reserve_then_charge(desk: Desk) -> None:
    """Reserve, then charge."""
    await desk.reserve(1)
    await desk.charge(1)


@workflow
async def book_or_branch(n: int, *, desk: Desk) -> None:
    """Note something beside a branch that reserves and charges."""
    async with saga():
        await asyncio.gather(desk.note(n), reserve_then_charge(desk))


@workflow
async def three_steps(n: int, *, desk: Desk) -> None:
    """Reserve, charge, and fail at a note."""
    async with saga():
        await desk.reserve(n)
        await desk.charge(n)
        await desk.note(n)


def test_branch_under_failed_saga_charges_nothing(begin: Begin) -> None:
    """Once `book` failed, the branch's `reserve` is undone when it completes, and it charges nothing afterwards."""
    run = begin(book_or_branch).refuse("task.1/note.1")
    assert run.abandoned == ["task.2/reserve.1"]
    assert run.calls == ["task.2/reserve.1"]

    run.reply("task.2/reserve.1")
    assert run.calls == ["task.2/reserve.1~undo"]
    run.reply("task.2/reserve.1~undo")

    assert run.failure.startswith("Taken")
    assert "task.2/charge.1" not in run.issued


def test_branch_that_ignores_cancellation_is_refused(begin: Begin) -> None:
    """A task that swallows its cancellation under a failed saga is told ScopeClosed, and its call is no command."""
    seen: list[str] = []

    async def stubborn(desk: Desk) -> None:
        try:
            await desk.reserve(1)
        except asyncio.CancelledError:
            try:
                await desk.charge(1)
            except ScopeClosed as error:
                seen.append(error.code)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await asyncio.gather(desk.note(n), stubborn(desk))

    run = begin(flow).refuse("task.1/note.1").reply("task.2/reserve.1").reply("task.2/reserve.1~undo")

    assert run.status is RunStatus.FAILED
    assert run.issued == ["task.1/note.1", "task.2/reserve.1", "task.2/reserve.1~undo"]
    assert seen == ["WEFT-E202"]


def test_undos_run_in_reverse_order(begin: Begin) -> None:
    """Calls one after another are undone one after another, the last first."""
    run = begin(three_steps).reply("reserve.1").reply("charge.1").refuse("note.1")
    assert run.calls == ["charge.1~undo"]

    run.reply("charge.1~undo")
    assert run.calls == ["reserve.1~undo"]
    run.reply("reserve.1~undo")

    assert run.failure.startswith("Taken")


def test_undo_gets_the_recorded_arguments(begin: Begin) -> None:
    """An undo is sent the bytes that were recorded for the call, and says what it undoes."""
    run = begin(three_steps, input=b"42").reply("reserve.1").reply("charge.1").refuse("note.1")

    undo = run.open["desk.charge.1~undo"]

    assert (undo.arguments, undo.target, undo.undoes) == (b'{"n":42}', "desk.refund", "desk.charge.1")


def test_refused_call_has_no_undo(begin: Begin) -> None:
    """A call that was declined is not undone: nothing happened."""
    run = begin(three_steps).reply("reserve.1").refuse("charge.1").reply("reserve.1~undo")

    assert run.undos == ["reserve.1"]
    assert run.failure.startswith("Taken")


def test_call_not_done_has_no_undo(begin: Begin) -> None:
    """A call that certainly did not happen is not undone."""
    run = begin(three_steps).reply("reserve.1").not_done("charge.1").reply("reserve.1~undo")

    assert run.undos == ["reserve.1"]
    assert run.failure.startswith("NotDone")


def test_unknown_call_is_undone(begin: Begin) -> None:
    """A call that may have happened is undone."""
    run = begin(three_steps).reply("reserve.1").unknown("charge.1").reply("charge.1~undo").reply("reserve.1~undo")

    assert run.undos == ["charge.1", "reserve.1"]
    assert run.failure.startswith("OutcomeUnknown")


def test_undos_of_parallel_calls_run_together(begin: Begin) -> None:
    """Calls that did not wait for one another are undone together."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await asyncio.gather(desk.reserve(n), desk.charge(n))
            await desk.note(n)

    run = begin(flow).reply("task.1/reserve.1").reply("task.2/charge.1").refuse("note.1")

    assert run.calls == ["task.1/reserve.1~undo", "task.2/charge.1~undo"]
    run.reply("task.1/reserve.1~undo").reply("task.2/charge.1~undo")
    assert run.status is RunStatus.FAILED


def test_undo_waits_only_for_what_depends_on_it(begin: Begin) -> None:
    """In two branches the undo of a first step waits for the later steps that were issued after its end."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await asyncio.gather(reserve_then_charge(desk), desk.reserve(n))
            await desk.note(n)

    run = begin(flow).reply("task.1/reserve.1").reply("task.1/charge.1").reply("task.2/reserve.1").refuse("note.1")
    # task.2/reserve.1 was issued before anything ended and ended last: nothing was issued after its end.
    assert run.calls == ["task.1/charge.1~undo", "task.2/reserve.1~undo"]

    run.reply("task.1/charge.1~undo")
    assert run.calls == ["task.1/reserve.1~undo", "task.2/reserve.1~undo"]
    run.reply("task.2/reserve.1~undo").reply("task.1/reserve.1~undo")

    assert run.status is RunStatus.FAILED


def test_saga_that_ends_well_undoes_nothing(begin: Begin) -> None:
    """A saga that ended well is not undone by what fails after it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
        await desk.note(n)

    run = begin(flow).reply("reserve.1").refuse("note.1")

    assert (run.status, run.undos) == (RunStatus.FAILED, [])


def test_normal_exit_waits_for_calls_under_way(begin: Begin) -> None:
    """A saga that ends well waits for the calls under it before the code behind it goes on."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            task = asyncio.create_task(desk.reserve(n))
            await asyncio.sleep(0)
        return await desk.look(n) + await task

    run = begin(flow)
    assert run.calls == ["task.1/reserve.1"]
    run.reply("task.1/reserve.1", 5)

    assert run.reply("look.1", 2).result == 7


def test_undo_waits_for_an_abandoned_call(begin: Begin) -> None:
    """After `timeout` around `charge` the undo does not overtake the attempt that is under way."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga(), asyncio.timeout(5):
            await desk.charge(n)

    run = begin(flow).fire()
    assert (run.calls, run.abandoned) == (["charge.1"], ["charge.1"])

    run.reply("charge.1")
    assert run.calls == ["charge.1~undo"]
    assert run.reply("charge.1~undo").failure == "TimeoutError: "


def test_abandoned_call_that_was_refused_is_not_undone(begin: Begin) -> None:
    """An abandoned call whose outcome turns out to be a refusal is not undone."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga(), asyncio.timeout(5):
            await desk.charge(n)

    run = begin(flow).fire().refuse("charge.1")

    assert (run.failure, run.undos) == ("TimeoutError: ", [])


def test_skipped_undo_counts_as_done(begin: Begin) -> None:
    """An undo that an operator gave up lets the unwinding go on."""
    run = begin(three_steps).reply("reserve.1").reply("charge.1").refuse("note.1").skip("charge.1~undo")

    assert run.calls == ["reserve.1~undo"]
    assert run.reply("reserve.1~undo").status is RunStatus.FAILED


def test_many_parallel_reservations_are_undone(begin: Begin) -> None:
    """Many calls under one saga are undone each exactly once."""
    count = 60

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await asyncio.gather(*(desk.reserve(i) for i in range(count)))
            raise ValueError(n)

    run = begin(flow)
    for index in range(count):
        run.reply(f"task.{index + 1}/reserve.1")
    for path in list(run.calls):
        run.reply(path)

    assert sorted(run.undos) == sorted(f"task.{index + 1}/reserve.1" for index in range(count))
    assert run.status is RunStatus.FAILED
