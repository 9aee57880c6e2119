"""Runs on a Temporal server, as anybody with a connection starts, tells, asks, lists and steers them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import Priority, RawValue, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from weft.clock import Clock
from weft.engine.errors import EngineCannot, EngineUnreachable
from weft.engine.temporal.attributes import Registered, search_attributes
from weft.engine.temporal.connection import asking, unreachable
from weft.engine.temporal.failures import json_of, run_failure
from weft.engine.temporal.limits import check_message_size, check_start
from weft.engine.temporal.messages import CONTINUED, REFUSED, UNANSWERED
from weft.engine.temporal.naming import DIGEST, REASON, workflow_id
from weft.engine.temporal.payloads import (
    RETRY,
    SKIP,
    MessageNote,
    OperatorNote,
    data_of,
    fingerprint,
    is_nothing,
    noted,
    payload,
    start_note,
)
from weft.engine.temporal.resets import reset_after
from weft.engine.temporal.story import view_of
from weft.engine.temporal.turns import delay_of, priority_of
from weft.errors import InputInvalid, LimitExceeded, RunClosed, RunExists, RunNotFound, RunOpen, WeftError
from weft.flow.messages import check_message
from weft.flow.port import OnClose
from weft.ids import Ids
from weft.model.attribute import Attributes, check_attributes
from weft.model.call import NOBODY, Behalf
from weft.model.message import Answer
from weft.model.policy import Limits
from weft.model.queueing import FIRST_COME, Queueing
from weft.model.run import RunView

log = logging.getLogger("weft.engine")


class TemporalRuns:
    """What can be asked of runs; it needs a server, and for answers somebody who works on them."""

    def __init__(self, queue: str, *, clock: Clock, ids: Ids, limits: Limits) -> None:
        self._queue = queue
        self._queues: Mapping[str, str] = {}
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._client: Client | None = None
        self._registered: Registered | None = None

    def _open_client(self) -> Client:
        if self._client is None:
            raise EngineUnreachable("the engine is closed", remedy="open it first")
        return self._client

    def _handle(self, workflow: str, run_id: str) -> WorkflowHandle[object, object]:
        return self._open_client().get_workflow_handle(workflow_id(workflow, run_id), result_type=RawValue)

    # What callers ask for.

    async def start(
        self,
        workflow: str,
        run_id: str,
        data: bytes,
        *,
        behalf: Behalf = NOBODY,
        within_ms: int | None = None,
        on_close: OnClose = "abandon",
        queueing: Queueing = FIRST_COME,
    ) -> None:
        """Start a run, or find that it exists with the same input; returns once the server has it.

        Raises:
            RunExists: it exists with another input.
            LimitExceeded: the input or the id is too large.
        """
        del on_close  # runs that start others make children of them
        check_start(workflow, run_id, data, behalf=behalf, limits=self._limits)
        note = start_note(behalf, within_ms)
        if behalf.attributes:
            await self._ensure(behalf.attributes)
        try:
            await self._open_client().start_workflow(
                workflow,
                args=[payload(data), noted(note)],
                id=workflow_id(workflow, run_id),
                task_queue=self._queues.get(workflow, self._queue),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                memo={DIGEST: fingerprint(data)},
                search_attributes=search_attributes(behalf.tenant, behalf.attributes),
                start_delay=None if queueing is FIRST_COME else delay_of(queueing, self._clock.now_ms()),
                priority=Priority.default if queueing is FIRST_COME else priority_of(queueing),
            )
        except WorkflowAlreadyStartedError:
            await self._compare(workflow, run_id, data)
        except RPCError as error:
            raise unreachable(error) from error

    async def _ensure(self, attributes: Attributes) -> None:
        check_attributes(attributes)
        if self._registered is not None:
            with asking():
                await self._registered.ensure(attributes)

    async def _compare(self, workflow: str, run_id: str, data: bytes) -> None:
        """Raise if a run was started with another input."""
        with asking():
            found = await self._handle(workflow, run_id).describe()
        known = (await found.memo()).get(DIGEST)
        if known != fingerprint(data):
            what = f"run {workflow}/{run_id} exists with another input"
            raise RunExists(what)

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for the end of a run and return its result.

        Raises:
            RunFailed: it failed, was cancelled or terminated.
            RunNotFound: there is none.
        """
        handle = self._handle(workflow, run_id)
        try:
            result = await handle.result()
        except WorkflowFailureError as error:
            reason = await self._reason(handle)
            raise run_failure(error.cause, reason=reason) from None
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error
        assert isinstance(result, RawValue), "the handle was made for raw values"
        return data_of(result)

    @staticmethod
    async def _reason(handle: WorkflowHandle[object, object]) -> str:
        with asking():
            found = await handle.describe()
        return str((await found.memo()).get(REASON, ""))

    @staticmethod
    def _about(error: RPCError, workflow: str, run_id: str) -> WeftError:
        if error.status is RPCStatusCode.NOT_FOUND:
            return RunNotFound(f"there is no run {workflow}/{run_id}")
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            what = f"run {workflow}/{run_id} takes no more for now: {error.message}"
            return LimitExceeded(what, remedy="send fewer at once, or let the run continue as new", name="messages")
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return InputInvalid(f"Temporal refuses it: {error.message}", remedy="change what is named above")
        return unreachable(error)

    async def _not_told(self, error: RPCError, workflow: str, run_id: str) -> WeftError:
        """Return why a run takes no message: it has ended, or it never was."""
        if error.status is not RPCStatusCode.NOT_FOUND:
            return self._about(error, workflow, run_id)
        try:
            await self._handle(workflow, run_id).describe()
        except RPCError as none:
            return self._about(none, workflow, run_id)
        return RunClosed(f"run {workflow}/{run_id} has ended")

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message; returns once the server has it. Messages of one id are told once.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
            LimitExceeded: the message is too large, or the run has had too many.
            ValueInvalid: it is not what its class says.
        """
        check_message(kind, data)
        check_message_size(data, self._limits)
        notes = [noted(MessageNote(message_id))] if message_id else []
        try:
            await self._handle(workflow, run_id).signal(kind, args=[payload(data), *notes])
        except RPCError as error:
            closed = await self._not_told(error, workflow, run_id)
            # A sender that never heard of its first delivery: what it wanted has happened.
            if isinstance(closed, RunClosed) and message_id and await self._was_told(workflow, run_id, message_id):
                return
            raise closed from error

    async def _was_told(self, workflow: str, run_id: str, message_id: str) -> bool:
        sought = noted(MessageNote(message_id)).payload.data
        codec = self._open_client().data_converter.payload_codec
        with asking():
            async for event in self._handle(workflow, run_id).fetch_history_events():
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                    told = event.workflow_execution_signaled_event_attributes.input.payloads
                    if len(told) > 1:
                        note = told[1] if codec is None else (await codec.decode([told[1]]))[0]
                        if note.data == sought:
                            return True
        return False

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer; asked again with the same id it gets the same answer.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended, or ended without an answer.
            LimitExceeded: the update is too large, or too many wait.
            ValueInvalid: it is not what its class says.
        """
        check_message(kind, data)
        check_message_size(data, self._limits)
        update_id = message_id or self._ids.new_id()
        while True:
            answer = await self._ask(workflow, run_id, kind=kind, data=data, update_id=update_id)
            if answer is not None:
                return answer

    async def _ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, update_id: str) -> Answer | None:
        """Ask once; nothing if the run continued as new and the update went over to its next generation."""
        handle: Any = self._handle(workflow, run_id)
        try:
            said = await handle.execute_update(kind, args=[payload(data)], id=update_id, result_type=RawValue)
        except WorkflowUpdateFailedError as error:
            return _refused(error.cause, f"{workflow}/{run_id}")
        except RPCError as error:
            closed = await self._not_told(error, workflow, run_id)
            if not isinstance(closed, RunClosed):
                raise closed from error
            return await self._answered(handle, update_id, closed)
        return Answer(data_of(said))

    @staticmethod
    async def _answered(handle: WorkflowHandle[object, object], update_id: str, closed: RunClosed) -> Answer:
        """Return what a run that has ended answered, where it was asked this before."""
        asked = handle.get_update_handle(update_id, result_type=RawValue)
        try:
            return Answer(data_of(await asked.result()))
        except WorkflowUpdateFailedError as error:
            refused = _refused(error.cause, "")
            if refused is None:
                raise closed from error
            return refused
        except RPCError as error:
            raise closed from error

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run last showed under a name, or nothing if it has shown nothing yet.

        Raises:
            RunNotFound: there is none.
        """
        try:
            shown = await self._handle(workflow, run_id).query(state, result_type=RawValue)
        except WorkflowQueryFailedError as error:
            raise EngineUnreachable(f"run {workflow}/{run_id} could not be asked: {error}") from error
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error
        return None if is_nothing(shown) else data_of(shown)

    async def cancel(self, workflow: str, run_id: str, reason: str = "", *, who: str = "") -> None:
        """Ask a run to cancel; returns once the server has the request. A run that has ended is left as it is.

        Raises:
            RunNotFound: there is none.
        """
        words = f"{reason} (by {who})" if who else reason
        try:
            await self._handle(workflow, run_id).cancel(reason=words)
        except RPCError as error:
            closed = await self._not_told(error, workflow, run_id)
            if not isinstance(closed, RunClosed):
                raise closed from error

    # Operators.

    async def retry(self, workflow: str, run_id: str, *, who: str, why: str = "", resend: bool = False) -> None:
        """Try the waiting calls of a run now; to `resend` also those that may have happened."""
        await self._operate(RETRY, workflow, run_id, note=OperatorNote(who, why, resend=resend))

    async def skip(self, workflow: str, run_id: str, *, who: str, why: str, reply: bytes | None = None) -> None:
        """Give up the calls of a run that need attention, as an operator's decision with its reason."""
        said = None if reply is None else reply.decode()
        await self._operate(SKIP, workflow, run_id, note=OperatorNote(who, why, said))

    async def _operate(self, act: str, workflow: str, run_id: str, *, note: OperatorNote) -> None:
        handle: Any = self._handle(workflow, run_id)
        try:
            await handle.execute_update(act, args=[noted(note)], result_type=RawValue)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type == "InputInvalid":
                raise InputInvalid(cause.message, remedy=str(cause.details[0])) from None
            raise EngineUnreachable(f"the run could not be told: {cause}") from error
        except RPCError as error:
            raise await self._not_told(error, workflow, run_id) from error

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        try:
            await self._handle(workflow, run_id).terminate(reason=f"{why} (by {who})")
        except RPCError as error:
            raise await self._not_told(error, workflow, run_id) from error

    async def reset(
        self, workflow: str, run_id: str, *, at: str, effects: Literal["undo", "keep"] = "undo", who: str, why: str
    ) -> None:
        """Cut a run after a step and let it go on from there; the effects since are kept, and found by their call ids.

        Raises:
            EngineCannot: the effects are to be undone, for which Temporal has no place.
            ResetRefused: the run has no such step.
            RunNotFound: there is none.
        """
        if effects == "undo":
            what = "a reset on Temporal keeps the effects since: there is no place in its history for their undos"
            raise EngineCannot(what, remedy="reset with effects='keep': a call that is made again keeps its id")
        try:
            await reset_after(self._open_client(), self._handle(workflow, run_id), at=at, why=f"{why} (by {who})")
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error

    async def delete(self, workflow: str, run_id: str, *, who: str = "", why: str = "") -> None:
        """Delete a run that has ended; from then on its id can be used again. The server keeps no word of who did.

        Raises:
            RunNotFound: there is none.
            RunOpen: it has not ended.
        """
        handle = self._handle(workflow, run_id)
        try:
            found = await handle.describe()
            if found.close_time is None:
                what = f"run {workflow}/{run_id} has not ended"
                raise RunOpen(what, remedy="cancel or terminate it first")
            log.info("run %s/%s is deleted by %s: %s", workflow, run_id, who, why)
            execution = WorkflowExecution(workflow_id=handle.id, run_id=found.run_id)
            client = self._open_client()
            await client.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
            )
        except RPCError as error:
            raise self._about(error, workflow, run_id) from error

    async def list(self, *, workflow: str | None = None, limit: int = 100) -> list[RunView]:
        """Return runs, newest first."""
        query = f"TaskQueue = '{self._queue}'"
        if workflow is not None:
            query += f" AND WorkflowType = '{workflow}'"
        with asking():
            return [await view_of(each) async for each in self._open_client().list_workflows(query, limit=limit)]


def _refused(cause: BaseException, name: str) -> Answer | None:
    """Return the refusal that an update's failure is; nothing where it is to be asked again."""
    if isinstance(cause, ApplicationError):
        if cause.type == CONTINUED:
            return None
        if cause.type == UNANSWERED:
            raise RunClosed(cause.message)
        if len(cause.details) > 1 and cause.details[1] == REFUSED:
            return Answer(json_of(cause.details[0]), cause.type or "")
    raise RunClosed(f"run {name} ended without an answer: {cause}")
