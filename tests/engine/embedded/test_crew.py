"""The crew that makes attempts: whatever an operation does to its worker, every call has an outcome."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import MINUTE, Depot, Mill, Step
from weft.engine.embedded.crew import Crew
from weft.errors import OutcomeUnknown
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.run import RunStatus
from weft.model.workflow import workflow


class Abort(BaseException):
    """What a test framework or a program raises to be caught by nobody."""


@workflow
async def put_three(key: str, *, depot: Depot) -> list[str]:
    """Put three things at once."""
    return await asyncio.gather(*[depot.put(f"{key}{number}") for number in range(3)])


async def abort(_call: Call, _handler: Handler) -> Outcome:
    """End by something that is no Exception."""
    raise Abort


async def cancel_itself(call: Call, handler: Handler) -> Outcome:
    """Cancel the task that works on the call, and be cancelled where it next waits."""
    _cancel_worker()
    await asyncio.sleep(0)
    return await handler(call)


async def cancel_and_return(call: Call, handler: Handler) -> Outcome:
    """Cancel the task that works on the call, and have an outcome before that strikes."""
    _cancel_worker()
    return await handler(call)


async def wait(call: Call, handler: Handler) -> Outcome:
    """Wait for something before the call goes through."""
    await asyncio.sleep(0)
    return await handler(call)


def _cancel_worker() -> None:
    worker = asyncio.current_task()
    assert worker is not None
    worker.cancel()


@pytest.mark.parametrize("step", [abort, cancel_itself, cancel_and_return])
async def test_an_operation_that_ends_its_worker_loses_no_call(tmp_path: Path, step: Step) -> None:
    """Its own call is tried again, and those queued behind it go on."""
    async with Mill(tmp_path, put_three) as mill:
        mill.script.on("put", step, wait, wait)
        run = await mill.host.start(put_three, "x", id="1")

        await mill.spend(MINUTE)

        assert await mill.status(put_three, "1") is RunStatus.COMPLETED
        assert await run.result() == ["x0", "x1", "x2"]
        assert mill.books_by_line == {"put x0": 1, "put x1": 1, "put x2": 1}


class _Job:
    """An attempt that notes its outcome."""

    def __init__(self, *, raises: BaseException | None = None) -> None:
        self.cancelled = False
        self.worker: asyncio.Task[None] | None = None
        self.outcomes: list[Outcome | None] = []
        self._raises = raises

    async def make(self) -> Outcome:
        """Be the attempt."""
        if self._raises is not None:
            raise self._raises
        return Reply(b"1")

    def ended(self, outcome: Outcome | None) -> None:
        """Note the outcome."""
        self.outcomes.append(outcome)


async def test_an_unknown_outcome_has_its_cause() -> None:
    """What an operation raised is found behind the outcome that it led to."""
    crew, cause = Crew(), Abort()
    job = _Job(raises=cause)

    crew.start(job)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await crew.close()

    (outcome,) = job.outcomes
    assert isinstance(outcome, OutcomeUnknown)
    assert outcome.__cause__ is cause


async def test_a_worker_that_is_cancelled_on_its_way_to_the_queue_is_replaced() -> None:
    """A stranger who cancels every task of the loop does not stop the calls that are queued."""
    crew, job = Crew(), _Job()
    crew.start(job)

    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    await crew.close()

    assert job.outcomes == [Reply(b"1")]
