"""The one dynamic Temporal workflow that carries every workflow of a System, under the workflows' own names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from weft.codec import codec_for
from weft.engine.execution.entries import Told
from weft.engine.temporal.bridge import Bridge
from weft.engine.temporal.house import house
from weft.engine.temporal.payloads import (
    NOTHING,
    RETRY,
    SKIP,
    TROUBLE,
    MessageNote,
    OperatorNote,
    StartNote,
    TroubleNote,
    input_of,
    note_of,
    payload,
)
from weft.errors import InputInvalid
from weft.flow.messages import check_message

OPERATORS = frozenset({SKIP, RETRY})


@workflow.defn(dynamic=True, sandboxed=False)
class WeftRun:
    """A run of weft. It is built before `run`: signals come before that."""

    @workflow.init
    def __init__(self, arguments: Sequence[RawValue]) -> None:
        self._bridge = Bridge(house(), input_of(arguments), note_of(StartNote, arguments) or StartNote())

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> RawValue:
        """Go on until the run has ended."""
        del arguments
        return await self._bridge.end()

    @workflow.signal(dynamic=True, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    def on_signal(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Tell the run a signal, from outside of this task: a run's loop is never entered from inside one."""
        loop = asyncio.get_running_loop()
        if name == TROUBLE:
            loop.call_soon(self._bridge.calls.trouble_told, codec_for(TroubleNote).decode(input_of(arguments)))
            return
        note = note_of(MessageNote, arguments)
        loop.call_soon(self._bridge.signalled, name, input_of(arguments), "" if note is None else note.id)

    @workflow.update(dynamic=True, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def on_update(self, name: str, arguments: Sequence[RawValue]) -> RawValue:
        """Tell the run an update and return its answer; operators' acts are updates, too."""
        info = workflow.current_update_info()
        assert info is not None, "an update's handler runs in an update"
        if name in OPERATORS:
            return self._operate(name, _operator(arguments))
        return await self._bridge.asked(Told(name, input_of(arguments), info.id))

    @on_update.validator
    def check_update(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Refuse what the run could not read, or an operator's act that would change nothing; it leaves no trace."""
        if name not in OPERATORS:
            check_message(name, input_of(arguments))
            return
        note = _operator(arguments)
        problem = self._problem(name, note)
        if problem is not None:
            raise ApplicationError(problem.what, problem.advice, type="InputInvalid", non_retryable=True)

    def _problem(self, name: str, note: OperatorNote) -> InputInvalid | None:
        info = workflow.info()
        calls = self._bridge.calls
        if name == SKIP and not calls.trouble:
            what = f"no call of run {info.workflow_id} needs attention"
            return InputInvalid(what, remedy="skip is for runs that `weft runs list` shows as needing attention")
        if (name == SKIP or note.resend) and not note.why:
            what = (
                "a skip needs a reason"
                if name == SKIP
                else "sending a call again that may have happened needs a reason"
            )
            return InputInvalid(what, remedy="say why: --reason TEXT")
        halted = calls.is_halted() if name == RETRY and not note.resend else ""
        if halted:
            what = f"{halted} of run {info.workflow_id} may have happened and cannot be undone: it is not sent again"
            return InputInvalid(
                what, remedy="find out: `skip --reply` if it happened, `retry --resend --reason TEXT` if it did not"
            )
        return None

    def _operate(self, name: str, note: OperatorNote) -> RawValue:
        loop = asyncio.get_running_loop()
        if name == SKIP:
            loop.call_soon(self._bridge.calls.skip, note)
        else:
            loop.call_soon(self._bridge.noted, "resend" if note.resend else "retry", note)
            loop.call_soon(lambda: self._bridge.calls.retry(resend=note.resend))
        return payload(b"null")

    @workflow.query(dynamic=True)
    def on_query(self, name: str, arguments: Sequence[RawValue]) -> RawValue:
        """Return what the run last showed under a name."""
        del arguments
        data = self._bridge.states.get(name)
        return NOTHING if data is None else payload(data)


def _operator(arguments: Sequence[RawValue]) -> OperatorNote:
    return cast("OperatorNote", codec_for(OperatorNote).decode(input_of(arguments)))
