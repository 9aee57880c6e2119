"""What a worker's workflows know: the System's programs and operations, and where their work is queued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from temporalio import workflow
from temporalio.worker import Interceptor, WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from weft.engine.execution.commands import Command
from weft.engine.execution.entries import Entry
from weft.engine.execution.program import Program
from weft.errors import SettingInvalid
from weft.flow.ambient_runs import SERVICE
from weft.model.attribute import Attributed
from weft.model.operation import Operation
from weft.model.policy import Limits

KEY = "weft"

Recorder = Callable[[Entry, int, list[Command]], None]
"""Is told each entry of a run, its time and the commands it was answered with."""


@dataclass(frozen=True, slots=True)
class House:
    """What the bridge needs of the engine around it.

    Attributes:
        waits: the task queue of requests about runs, which may wait as long as runs last.
        queues: by service or workflow, the task queue its work goes to in place of the System's.
        require: raises where the namespace lacks a search attribute; nothing where none is asked for.
        recorder: notes what a run is told; nothing while runs work.
    """

    programs: Mapping[str, Program]
    operations: Mapping[str, Operation]
    limits: Limits
    waits: str
    queues: Mapping[str, str] = field(default_factory=dict[str, str])
    recorder: Recorder | None = None
    require: Callable[[Attributed], None] | None = None


def named_queues(
    queues: Mapping[str, str], programs: Mapping[str, Program], operations: Mapping[str, Operation]
) -> dict[str, str]:
    """Return the task queues under the names of services and workflows as the System writes them.

    Variables of the environment know neither capitals nor dashes: `WEFT_WORKER__QUEUES__PRICE_LIST` means
    `price-list`.

    Raises:
        SettingInvalid: one is for what the System has not.
    """
    known = {*programs, *(each.service for each in operations.values() if each.service != SERVICE)}
    loosely = {name.lower().replace("-", "_"): name for name in known}
    found: dict[str, str] = {}
    for name, queue in queues.items():
        meant = name if name in known else loosely.get(name.lower().replace("-", "_"))
        if meant is None:
            what = f"a task queue is for {name!r}, and the System has no such service or workflow"
            raise SettingInvalid(what, where="worker.queues", remedy=f"known: {', '.join(sorted(known))}")
        found[meant] = queue
    return found


class HouseInterceptor(Interceptor):
    """Gives the house to the workflows of a worker: Temporal makes them by itself, without arguments of ours."""

    def __init__(self, house: House) -> None:
        self._house = house

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - Temporal's signature
    ) -> type[WorkflowInboundInterceptor] | None:
        """Put the house where workflows find it."""
        functions: dict[str, Any] = cast("Any", input).unsafe_extern_functions
        functions[KEY] = lambda: self._house
        return None


def house() -> House:
    """Return the house of the workflow that runs."""
    functions: Any = cast("Any", workflow).extern_functions()
    return cast("House", functions[KEY]())
