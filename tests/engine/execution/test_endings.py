"""How a run ends: results, failures, and exceptions of every kind."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

import pytest

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.engine.execution.commands import decode_commands, encode_commands
from weft.flow.saga import saga
from weft.model.policy import Limits
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Unprintable(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


class Stop(BaseException):
    """An exception that is none of the ordinary ones."""


def test_result_is_encoded(begin: Begin) -> None:
    """A run ends with its result as bytes."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> Decimal:
        return Decimal("1.10") + n

    assert begin(flow).result == Decimal("1.10")


def test_result_that_cannot_travel_fails_the_run(begin: Begin) -> None:
    """A result that is not of the declared type fails the run with a sentence."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        return "not a number"  # type: ignore[return-value]

    assert begin(flow).failure.startswith("ValueCannotTravel: ")


def test_result_over_the_limit_fails_the_run(begin: Begin) -> None:
    """A result that is too large fails the run with both numbers."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> str:
        return "x" * 100

    run = begin(flow, limits=Limits(payload_bytes=20))

    assert run.failure == "LimitExceeded: the result has 102 bytes; the limit is 20"


def test_failure_names_the_line(begin: Begin) -> None:
    """A failed run tells kind, text and the line that raised, also where a callee raised."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)

    run = begin(flow).refuse("look.1")

    assert run.ended is not None
    assert run.failure == "Taken: why='somebody was first'"
    assert run.ended.line == f"execution/test_endings.py:{flow.function.__code__.co_firstlineno + 2}"


@pytest.mark.parametrize("error", [SystemExit(3), Stop("no"), asyncio.InvalidStateError(), StopAsyncIteration()])
def test_every_kind_of_exception_fails_the_run_only(begin: Begin, error: BaseException) -> None:
    """An exception of any kind fails the run after its undos, and never leaves the execution."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        async with saga():
            await desk.reserve(n)
            raise error

    run = begin(flow).reply("reserve.1").reply("reserve.1~undo")

    assert run.status is RunStatus.FAILED
    assert run.failure.startswith(type(error).__name__)


def test_sys_exit_in_a_task_fails_the_run_only(begin: Begin) -> None:
    """sys.exit() in a task of a run does not end the process that executes it."""

    async def leave(desk: Desk) -> None:
        await desk.look(1)
        sys.exit(4)

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await asyncio.create_task(leave(desk))

    run = begin(flow).reply("task.1/look.1")

    assert run.failure == "SystemExit: 4"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("x" * 100_000), "x" * 10_000),
        (ValueError("lone \ud800 surrogate"), "lone ? surrogate"),
        (Unprintable(), "(its text cannot be shown)"),
    ],
)
def test_text_of_a_failure_can_be_stored(begin: Begin, error: Exception, text: str) -> None:
    """Whatever an exception says, the end of its run can be written to disk."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        raise error

    run = begin(flow)

    assert run.ended is not None
    assert run.ended.text == text
    assert decode_commands(encode_commands([run.ended])) == [run.ended]


def test_input_that_does_not_parse_fails_the_run(begin: Begin) -> None:
    """A start entry whose input is not of the declared type fails the run."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        await desk.look(n)

    assert begin(flow, input=b'"three"').failure.startswith("ValueInvalid: ")


def test_exception_in_a_callback_is_noticed_and_harms_nothing(begin: Begin) -> None:
    """An exception in a bare callback is kept for the engine's log, and the run goes on."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> int:
        asyncio.get_running_loop().call_soon(lambda: 1 // n)
        await desk.look(n)
        return 5

    run = begin(flow).reply("look.1")

    assert run.result == 5
    assert [type(each["exception"]) for each in run.execution.loop.noticed] == [ZeroDivisionError]


def test_reports_are_kept_up_to_a_limit(begin: Begin) -> None:
    """A run that fills the engine's log does not fill its memory."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        for _ in range(1_000):
            asyncio.get_running_loop().call_soon(lambda: 1 // n)
        await desk.look(n)

    assert len(begin(flow).execution.loop.noticed) == 100


def test_cancelled_error_of_an_own_task_ends_the_run_as_cancelled(begin: Begin) -> None:
    """A run that awaits a task which it cancelled itself ends as cancelled, as in asyncio."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        task = asyncio.create_task(desk.look(n))
        await asyncio.sleep(0)
        task.cancel()
        await task

    assert begin(flow).status is RunStatus.CANCELLED


def test_compensated_calls_outside_sagas_are_not_kept(begin: Begin) -> None:
    """A run that lives long does not keep what nothing will ever undo."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> None:
        for _ in range(20):
            await desk.reserve(n)

    run = begin(flow)
    for index in range(20):
        run.reply(f"reserve.{index + 1}")

    assert run.execution.root_scope.records == []
