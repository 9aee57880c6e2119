"""Irreversible calls: once one was sent, cancellation waits for the saga's exit, and the saga goes forward."""

from __future__ import annotations

import asyncio
import sys

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.errors import NotDone
from weft.flow.saga import saga
from weft.model.run import RunStatus
from weft.model.workflow import workflow


@workflow
async def ship_then_note(n: int, *, desk: Desk) -> int:
    """Reserve, ship and note under one saga, and look at something afterwards."""
    async with saga():
        await desk.reserve(n)
        await desk.ship(n)
        await desk.note(n)
    return await desk.look(n)


def test_cancel_after_ship_waits_for_the_exit_of_the_saga(begin: Begin) -> None:
    """Once `ship` was sent a cancellation of the run waits until the saga has gone forward to its end."""
    run = begin(ship_then_note).reply("reserve.1").reply("ship.1").cancel()
    assert (run.calls, run.abandoned) == (["note.1"], [])

    run.reply("note.1")

    assert (run.status, run.undos) == (RunStatus.CANCELLED, [])


def test_cancel_before_ship_undoes_the_saga(begin: Begin) -> None:
    """Before `ship` a cancellation unwinds the saga as any other exception does."""
    run = begin(ship_then_note).cancel().reply("reserve.1").reply("reserve.1~undo")

    assert (run.status, run.undos) == (RunStatus.CANCELLED, ["reserve.1"])


def test_cancel_while_ship_is_awaited_waits_for_its_reply(begin: Begin) -> None:
    """A cancellation while `ship` is under way does not abandon it and strikes after the saga's exit."""
    run = begin(ship_then_note).reply("reserve.1").cancel()
    assert (run.calls, run.abandoned) == (["ship.1"], [])

    run.reply("ship.1").reply("note.1")

    assert (run.status, run.undos, "look.1" in run.issued) == (RunStatus.CANCELLED, [], False)


def test_cancel_is_delivered_once_ship_was_refused(begin: Begin) -> None:
    """A `ship` that certainly did not happen holds nothing back any more: the cancellation strikes at once."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            try:
                await desk.ship(n)
            except NotDone:
                await desk.note(n)

    run = begin(flow).reply("reserve.1").cancel().not_done("ship.1")
    assert run.calls == ["reserve.1~undo"]

    assert run.reply("reserve.1~undo").status is RunStatus.CANCELLED


def test_ship_outside_a_saga_holds_the_cancellation_until_its_reply(begin: Begin) -> None:
    """Without a saga a cancellation waits for the reply of `ship` only."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        await desk.ship(n)
        return await desk.look(n)

    run = begin(flow).cancel()
    assert (run.calls, run.abandoned, run.status) == (["ship.1"], [], None)

    assert run.reply("ship.1").status is RunStatus.CANCELLED
    assert run.calls == []


def test_timeout_inside_a_saga_works_after_ship(begin: Begin) -> None:
    """A timeout that was entered inside the saga still works after `ship`."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.ship(n)
            try:
                async with asyncio.timeout(5):
                    await desk.note(n)
            except TimeoutError:
                return await desk.look(n)
        return -1

    run = begin(flow).reply("ship.1").fire()
    assert run.abandoned == ["note.1"]

    assert run.reply("look.1", 3).reply("note.1").result == 3


def test_timeout_inside_a_saga_works_beside_a_cancellation_held_back(begin: Begin) -> None:
    """A timeout inside the saga ends in TimeoutError although a cancellation from outside is being held back."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.ship(n)
            try:
                async with asyncio.timeout(5):
                    await desk.note(n)
            except TimeoutError:
                await desk.charge(n)
        return -1

    run = begin(flow).reply("ship.1").cancel().fire().reply("charge.1").reply("note.1")

    assert (run.status, run.undos) == (RunStatus.CANCELLED, [])


def test_timeout_around_ship_inside_a_saga_takes_its_own_cancellation_back(begin: Begin) -> None:
    """A timeout that passes while `ship` is awaited is over when the reply comes: the saga goes on."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            async with asyncio.timeout(5):
                await desk.ship(n)
            await desk.note(n)
        return n

    run = begin(flow).fire().reply("ship.1").reply("note.1")

    assert run.result == 0


def test_enclosing_timeout_waits_for_the_saga(begin: Begin) -> None:
    """A timeout around the saga that passes after `ship` strikes when the saga has been left."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        try:
            async with asyncio.timeout(5), saga():
                await desk.ship(n)
                await desk.note(n)
        except TimeoutError:
            return 1
        return 0

    run = begin(flow).reply("ship.1").fire()
    assert (run.calls, run.abandoned) == (["note.1"], [])

    assert run.reply("note.1").result == 1


def test_timeout_of_zero_inside_a_saga_works_after_ship(begin: Begin) -> None:
    """A timeout that has passed when it is entered, and so needs no timer, counts as inside its saga, too."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.ship(n)
            try:
                async with asyncio.timeout(0):
                    await desk.note(n)
            except TimeoutError:
                return 1
        return 0

    run = begin(flow).reply("ship.1")

    assert (run.result, run.issued) == (1, ["ship.1"])


def test_failing_sibling_inside_the_saga_still_cancels(begin: Begin) -> None:
    """After `ship` a TaskGroup inside the saga still cancels the siblings of a child that failed."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.ship(n)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(desk.look(1))
                    group.create_task(desk.note(2))
            except ExceptionGroup:
                await desk.charge(n)
        return n

    run = begin(flow).reply("ship.1").refuse("task.1/look.1")
    assert run.abandoned == ["task.2/note.1"]

    assert run.reply("charge.1").reply("task.2/note.1").result == 0


def test_cancellation_stays_held_when_the_inner_saga_hands_over(begin: Begin) -> None:
    """A `ship` in an inner saga holds a cancellation from outside back until the outer saga is left, too."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.reserve(n)
            async with saga():
                await desk.ship(n)
            await desk.note(n)
        return n

    run = begin(flow).reply("reserve.1").cancel().reply("ship.1")
    assert (run.calls, run.abandoned) == (["note.1"], [])

    run.reply("note.1")
    assert (run.status, run.undos) == (RunStatus.CANCELLED, [])


def test_failed_inner_saga_is_unwound_inside_one_that_only_goes_forward(begin: Begin) -> None:
    """An inner saga that fails after the outer one shipped cancels its own tasks instead of waiting for ever."""

    async def inner(desk: Desk) -> None:
        async with saga():
            _task = asyncio.create_task(asyncio.Event().wait())
            await desk.reserve(1)
            await desk.note(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.ship(n)
            try:
                await inner(desk)
            except NotDone:
                return 1
        return 0

    run = begin(flow).reply("ship.1").reply("reserve.1").not_done("note.1").reply("reserve.1~undo")

    assert (run.result, run.undos) == (1, ["reserve.1"])


def test_held_cancellation_of_a_task_in_the_saga_is_delivered_after_it(begin: Begin) -> None:
    """A task under the saga whose cancellation was held back gets it once the saga has been left."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        made: list[asyncio.Task[object]] = []

        async def meddle() -> None:
            await asyncio.sleep(5)
            made[0].cancel()

        meddler = asyncio.create_task(meddle())
        async with saga():
            made.append(asyncio.create_task(asyncio.Event().wait()))
            await desk.ship(n)
            await desk.note(n)
        await asyncio.wait([meddler, made[0]])
        return int(made[0].cancelled())

    run = begin(flow).reply("ship.1").fire()
    assert run.calls == ["note.1"]

    assert run.reply("note.1").result == 1


def test_leftover_saga_that_shipped_goes_forward(begin: Begin) -> None:
    """A task left over at the end of the run that has shipped is let finish its saga before it is cancelled."""

    async def branch(desk: Desk) -> None:
        async with saga():
            await desk.reserve(1)
            await desk.ship(1)
            await desk.note(1)
            await desk.charge(1)

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        _task = asyncio.create_task(branch(desk))
        return await desk.look(n)

    run = begin(flow).reply("task.1/reserve.1").reply("task.1/ship.1").reply("look.1", 5)
    run.reply("task.1/note.1").reply("task.1/charge.1")

    assert (run.result, run.undos) == (5, [])


def test_gather_of_ship_waits_for_it(begin: Begin) -> None:
    """Cancelling a gather ends its other branches and waits for the `ship` in one of them."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.gather(desk.ship(n), desk.note(n))

    run = begin(flow).cancel()
    assert (run.abandoned, run.calls) == (["task.2/note.1"], ["task.1/ship.1", "task.2/note.1"])

    run.reply("task.2/note.1").reply("task.1/ship.1")
    assert run.status is RunStatus.CANCELLED


def test_ship_that_was_cancelled_before_its_commit_never_was(begin: Begin) -> None:
    """A `ship` that is cancelled in the step that issues it is no command, and holds nothing back."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        async with saga():
            await desk.reserve(n)
            task = asyncio.create_task(desk.ship(n))
            await asyncio.sleep(0)
            task.cancel()
            await desk.note(n)
        return n

    run = begin(flow).reply("reserve.1").cancel().reply("note.1").reply("reserve.1~undo")

    assert (run.status, run.issued) == (RunStatus.CANCELLED, ["reserve.1", "note.1", "reserve.1~undo"])


def test_a_timeout_around_ship_keeps_its_reply(begin: Begin) -> None:
    """A cancellation around a timeout strikes after the reply was taken, on any Python."""
    seen: set[int] = set()

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with asyncio.timeout(50):
            seen.add(await desk.ship(n))
        await desk.look(n)

    run = begin(flow).cancel().reply("ship.1", 7)

    assert (run.status, "look.1" in run.issued) == (RunStatus.CANCELLED, False)
    assert seen == {7}


def test_a_wait_for_around_ship_keeps_its_reply_from_python_3_12_on(begin: Begin) -> None:
    """A cancellation around a wait_for waits for the reply on any Python; on 3.11 the code does not see it."""
    seen: set[int] = set()

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        seen.add(await asyncio.wait_for(desk.ship(n), 50))
        await desk.look(n)

    run = begin(flow).cancel()
    assert run.calls == ["ship.1"]

    run.reply("ship.1", 7)

    assert (run.status, "look.1" in run.issued) == (RunStatus.CANCELLED, False)
    assert seen == (set() if sys.version_info < (3, 12) else {7})
