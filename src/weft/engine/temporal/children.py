"""Runs that a run starts, as Temporal's child workflows: what becomes of them when it ends is the server's work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from weft.engine.execution.scopes import CallRecord
from weft.engine.temporal.attributes import search_attributes
from weft.engine.temporal.cancelling import cancel_later
from weft.engine.temporal.failures import run_failure
from weft.engine.temporal.house import house
from weft.engine.temporal.naming import DIGEST, workflow_id
from weft.engine.temporal.payloads import AttributeNote, StartNote, data_of, fingerprint, noted, payload
from weft.engine.temporal.turns import delay_of, priority_of
from weft.errors import OutcomeUnknown
from weft.flow.ambient_runs import OPERATIONS, SERVICE, refused
from weft.model.attribute import Attributes
from weft.model.call import Behalf, Outcome, Reply
from weft.model.queueing import Queueing

RUN, START = f"{SERVICE}.run", f"{SERVICE}.start"
STARTS = frozenset({RUN, START})

POLICIES = {
    "cancel": ParentClosePolicy.REQUEST_CANCEL,
    "abandon": ParentClosePolicy.ABANDON,
    "terminate": ParentClosePolicy.TERMINATE,
}


class Child:
    """One run that a run starts, and waits for if asked to."""

    def __init__(
        self,
        record: CallRecord,
        behalf: Behalf,
        *,
        settled: Callable[[Child, Outcome], object],
        exists: Callable[[Child], object],
        terminate: Callable[[Child], object],
    ) -> None:
        self.record = record
        values = OPERATIONS[record.operation.target].parameters.decode(record.arguments)
        self.workflow: str = values["workflow"]
        self.run_id: str = values["run_id"]
        self._data: bytes = values["data"]
        self._on_close: str = values["on_close"]
        self._note = StartNote(
            tenant=values["tenant"] or behalf.tenant,
            principal=values["principal"] or behalf.principal,
            trace=values["trace"] or behalf.trace,
            within_ms=values["within_ms"],
            attributes=tuple(AttributeNote(each.name, each.kind, each.values) for each in values["attributes"]),
        )
        self._attributes: Attributes = values["attributes"]
        self._turn = Queueing(values["key"], values["priority"], values["at_ms"])
        self._settled = settled
        self._exists = exists
        self._terminate = terminate
        self._abandoned = False
        self._handle: workflow.ChildWorkflowHandle[Any, Any] | None = None

    async def live(self) -> None:
        """Start the run, and wait for its end where that was asked for; a task of Temporal's loop."""
        try:
            handle = self._handle = await self._start()
        except WorkflowAlreadyStartedError:
            self._exists(self)
            return
        except FailureError as error:
            self._settled(self, refused(run_failure(error)))
            return
        if self.record.operation.target == START:
            self._settled(self, Reply(b"null"))
            return
        if self._abandoned:
            self._close(handle)
        try:
            result = await handle
        except FailureError as error:
            self._settled(self, refused(run_failure(error)))
        else:
            encode = OPERATIONS[RUN].result.encode
            self._settled(self, Reply(encode(data_of(result))))

    async def _start(self) -> workflow.ChildWorkflowHandle[Any, Any]:
        require = house().require
        for attribute in self._attributes:
            if require is not None:
                require(attribute)
        delay = delay_of(self._turn, workflow.time_ns() // 1_000_000)
        if delay is not None:
            # A child workflow has no delay of its own: until then it is a timer of its parent.
            await asyncio.sleep(delay.total_seconds())
        return await workflow.start_child_workflow(
            self.workflow,
            args=[payload(self._data), noted(self._note)],
            id=workflow_id(self.workflow, self.run_id),
            task_queue=house().queues.get(self.workflow),
            result_type=RawValue,
            cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=POLICIES[self._on_close],
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            priority=priority_of(self._turn),
            memo={DIGEST: fingerprint(self._data)},
            search_attributes=search_attributes(self._note.tenant, self._attributes),
        )

    def abandon(self) -> None:
        """Stop waiting: the run is closed as `on_close` says, and its end awaited."""
        self._abandoned = True
        if self._on_close == "abandon":
            self._settled(self, OutcomeUnknown(f"nobody waits for {RUN} any more", reason="abandoned"))
        elif self._handle is not None:
            self._close(self._handle)

    def _close(self, handle: workflow.ChildWorkflowHandle[Any, Any]) -> None:
        if self._on_close == "terminate":
            self._terminate(self)
        elif self._on_close == "cancel":
            cancel_later(asyncio.get_running_loop(), handle.cancel)
