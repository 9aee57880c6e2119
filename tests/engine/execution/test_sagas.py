"""Sagas: which calls are undone, in which order, and what an unwinding waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.errors import CallFailed, ScopeClosed
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


def test_inner_saga_hands_its_undos_over(begin: Begin) -> None:
    """What an inner saga did is undone by the outer one if that fails later."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                await desk.reserve(n)
            await desk.note(n)

    run = begin(flow).reply("reserve.1").refuse("note.1")

    assert run.calls == ["reserve.1~undo"]
    assert run.reply("reserve.1~undo").status is RunStatus.FAILED


def test_failed_inner_saga_finishes_before_it_raises(begin: Begin) -> None:
    """The undos of a failed inner saga are over before the code around it goes on, and are not repeated."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.charge(n)
            try:
                async with saga():
                    await desk.reserve(n)
                    await desk.note(n)
            except CallFailed:
                await desk.look(n)
            raise ValueError(n)

    run = begin(flow).reply("charge.1").reply("reserve.1").not_done("note.1")
    assert run.calls == ["reserve.1~undo"]
    run.reply("reserve.1~undo")
    assert run.calls == ["look.1"]
    run.reply("look.1").reply("charge.1~undo")

    assert run.undos == ["reserve.1", "charge.1"]


def test_outer_undo_waits_for_the_inner_unwinding_of_a_branch(begin: Begin) -> None:
    """When an outer saga fails, a branch that was cancelled finishes the undos of its own saga first."""

    async def branch(desk: Desk) -> None:
        async with saga():
            await desk.charge(1)
            await asyncio.sleep(60)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            await asyncio.gather(branch(desk), desk.note(n))

    run = begin(flow).reply("reserve.1").reply("task.1/charge.1").refuse("task.2/note.1")
    assert run.calls == ["task.1/charge.1~undo"]
    run.reply("task.1/charge.1~undo")

    assert run.calls == ["reserve.1~undo"]
    assert run.reply("reserve.1~undo").status is RunStatus.FAILED


def test_parallel_sagas_unwind_apart(begin: Begin) -> None:
    """A saga in one branch that fails leaves the saga of another branch alone."""

    async def one(desk: Desk, n: int) -> None:
        async with saga():
            await desk.reserve(n)
            await desk.note(n)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        outcomes = await asyncio.gather(one(desk, 1), one(desk, 2), return_exceptions=True)
        return sum(outcome is None for outcome in outcomes)

    run = begin(flow).reply("task.1/reserve.1").reply("task.2/reserve.1").refuse("task.1/note.1")
    assert run.calls == ["task.1/reserve.1~undo", "task.2/note.1"]
    run.reply("task.2/note.1").reply("task.1/reserve.1~undo")

    assert (run.result, run.undos) == (1, ["task.1/reserve.1"])


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


def test_task_of_a_merged_saga_is_undone_by_the_outer_one(begin: Begin) -> None:
    """A task that outlives its saga belongs to the saga around it: its later calls are undone there."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                task = asyncio.create_task(reserve_then_charge(desk))
                await asyncio.sleep(0)
            await task
            raise ValueError(n)

    run = begin(flow).reply("task.1/reserve.1").reply("task.1/charge.1")
    run.reply("task.1/charge.1~undo").reply("task.1/reserve.1~undo")

    assert run.undos == ["task.1/charge.1", "task.1/reserve.1"]


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


def test_saga_left_by_a_generator_out_of_order_is_an_error(begin: Begin) -> None:
    """Two sagas that are left in the wrong order are an error with a sentence, not a silent mix of undos."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        first, second = saga(), saga()
        await first.__aenter__()
        await second.__aenter__()
        await first.__aexit__(None, None, None)
        await desk.note(n)

    run = begin(flow)

    assert "innermost first" in run.failure


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


def test_saga_that_outlives_the_one_around_it_is_undone_further_out(begin: Begin) -> None:
    """What a saga in a task did, when the saga around the task was left before, belongs to the next one out."""

    async def branch(desk: Desk) -> None:
        async with saga():
            await asyncio.sleep(5)
            await desk.reserve(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with saga():
                task = asyncio.create_task(branch(desk))
                await asyncio.sleep(0)
            await task
            raise ValueError(n)

    run = begin(flow).fire().reply("task.1/reserve.1")

    assert run.calls == ["task.1/reserve.1~undo"]
    assert run.reply("task.1/reserve.1~undo").status is RunStatus.FAILED


async def reservations(desk: Desk) -> AsyncIterator[int]:
    """Yield reservations made under a saga."""
    async with saga():
        while True:
            yield await desk.reserve(1)


def test_generator_closed_half_way_hands_its_saga_over(begin: Begin) -> None:
    """A saga in a generator that is closed half way is not undone; what it did belongs to the saga around it."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            async with aclosing(reservations(desk)) as found:
                async for each in found:
                    n += each
                    break
            await desk.charge(n)
            await desk.note(n)

    run = begin(flow).reply("reserve.1").reply("charge.1").refuse("note.1")
    assert run.calls == ["charge.1~undo"]
    run.reply("charge.1~undo").reply("reserve.1~undo")

    assert (run.failure, run.undos) == ("Taken: why='somebody was first'", ["charge.1", "reserve.1"])


def test_generator_dropped_half_way_leaves_no_saga_behind(begin: Begin) -> None:
    """After a generator with a saga was dropped, later calls and sagas of the task are undone as if it had not been."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async for _ in reservations(desk):
            break
        try:
            async with saga():
                await desk.charge(n)
                await desk.note(n)
        except CallFailed:
            return 1
        return 0

    run = begin(flow).reply("reserve.1").reply("charge.1").not_done("note.1").reply("charge.1~undo")

    assert (run.result, run.undos) == (1, ["charge.1"])
