"""The method behind an operation that offers a workflow: a call is a run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from weft.errors import OutcomeUnknown, RunFailed
from weft.flow.ambient import AlreadySettled, current_call
from weft.flow.runs import Runs
from weft.model.call import RUN_FAILED
from weft.model.workflow import Workflow


def offering(workflow: Workflow[Any, Any], runs: Runs) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a method that runs the workflow under the id of the call, and returns its result."""

    async def method(**arguments: Any) -> Any:
        around = current_call.get()
        assert around is not None, "operations work on a call"
        (given,) = arguments.values()
        run = await runs.start(workflow, given, id=around.call.id)
        try:
            return await run.result()
        except RunFailed as error:
            what = f"{around.call.target} is {workflow.name}/{run.id}, which did not complete: {error.what}"
            # Settled: to ask again would be to hear the same.
            raise AlreadySettled(OutcomeUnknown(what, reason=RUN_FAILED, kind=error.kind)) from None

    return method
