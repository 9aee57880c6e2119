"""Runs asked for from inside: a workflow's requests become calls in its journal, everybody else's go to the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weft.codec import RecordCodec, codec_for, fingerprint
from weft.errors import (
    InputInvalid,
    LimitExceeded,
    NotDone,
    RunCancelled,
    RunClosed,
    RunExists,
    RunFailed,
    RunNotFound,
    RunTerminated,
    ValueInvalid,
    WeftError,
)
from weft.flow.ambient import current_call, current_run
from weft.flow.runs import RunsPort
from weft.model.call import NOBODY, Behalf, Call, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation

SERVICE = "weft.runs"
"""The service under which an engine answers requests about runs."""

NO_TIMEOUT_MS = 1 << 53


@dataclass(frozen=True, slots=True)
class RunsRefusal:
    """An error of an engine about a run, on its way to the workflow that asked."""

    what: str
    kind: str = ""
    remedy: str = ""


_ABOUT_RUNS = (RunExists, RunNotFound, RunClosed, RunFailed, RunCancelled, RunTerminated)
_IMPOSSIBLE = (LimitExceeded, ValueInvalid, InputInvalid)

ERRORS: dict[str, type[WeftError]] = {error.__name__: error for error in (*_ABOUT_RUNS, *_IMPOSSIBLE)}
"""What a workflow is told as it is: asking the same again would end the same."""


BEHALF: dict[str, Any] = dict.fromkeys(Behalf._fields, str)


def _operation(name: str, kind: EffectKind, *, result: Any, fields: dict[str, Any] | None = None) -> Operation:
    known = {"workflow": str, "run_id": str, **(fields or {})}
    return Operation(
        service=SERVICE,
        name=name,
        kind=kind,
        # Journals older than its fields do not say for whom a run is started.
        parameters=RecordCodec(known, {name: "" for name in BEHALF if name in known}),
        result=codec_for(result),
        refusals={error: codec_for(RunsRefusal) for error in ERRORS},
        timeout_ms=NO_TIMEOUT_MS,
        exactly_once=True,
    )


OPERATIONS: dict[str, Operation] = {
    operation.target: operation
    for operation in (
        _operation("start", EffectKind.IDEMPOTENT, result=type(None), fields={"data": bytes, **BEHALF}),
        _operation("result", EffectKind.READ, result=bytes),
        _operation("send", EffectKind.IDEMPOTENT, result=type(None), fields={"kind": str, "data": bytes}),
        _operation("read", EffectKind.READ, result=bytes | None, fields={"state": str}),
        _operation("cancel", EffectKind.IDEMPOTENT, result=type(None), fields={"reason": str}),
    )
}
"""What a workflow may ask of runs, by target."""


def refused(error: WeftError) -> Refused:
    """Turn an engine's error about a run into the refusal that a workflow is told."""
    kind = error.kind if isinstance(error, RunFailed) else ""
    return Refused(type(error).__name__, codec_for(RunsRefusal).encode(RunsRefusal(error.what, kind, error.advice)))


async def answer(port: RunsPort, call: Call) -> Outcome:
    """Carry out a workflow's request about runs."""
    asked = OPERATIONS[call.target]
    values = asked.parameters.decode(call.arguments)
    try:
        if call.operation == "send":
            result: Any = await port.send(**values, message_id=call.id)
        elif call.operation == "start":
            behalf = Behalf(*(values.pop(name) for name in BEHALF)).within(call)
            result = await port.start(**values, behalf=behalf)
        else:
            result = await getattr(port, call.operation)(**values)
    except WeftError as error:
        if type(error).__name__ in ERRORS:
            return refused(error)
        return NotDone(error.what, reason=type(error).__name__)
    return Reply(asked.result.encode(result))


def _refuse_inside_transaction(operation: str) -> None:
    around = current_call.get()
    if around is not None:
        around.refuse_others(f"asks for {SERVICE}.{operation}")


class AmbientRuns:
    """A RunsPort for everybody: inside a run it issues calls of that run, elsewhere it asks the engine."""

    def __init__(self, engine: RunsPort) -> None:
        self._engine = engine

    async def _ask(self, operation: str, **values: Any) -> Any:
        run = current_run.get()
        if run is None:
            _refuse_inside_transaction(operation)
            return await getattr(self._engine, operation)(**values)
        asked = OPERATIONS[f"{SERVICE}.{operation}"]
        outcome = await run.call(asked, asked.parameters.encode(values))
        if isinstance(outcome, Reply):
            return asked.result.decode(outcome.data)
        if isinstance(outcome, Refused):
            refusal: RunsRefusal = asked.refusals[outcome.kind].decode(outcome.data)
            error = ERRORS[outcome.kind]
            if issubclass(error, RunFailed):
                raise error(refusal.what, kind=refusal.kind)
            raise error(refusal.what, remedy=refusal.remedy)
        raise outcome

    async def start(self, workflow: str, run_id: str, data: bytes, *, behalf: Behalf = NOBODY) -> None:
        """Start a run, or find that it exists with the same input."""
        if current_run.get() is not None:
            await self._ask("start", workflow=workflow, run_id=run_id, data=data, **behalf._asdict())
            return
        _refuse_inside_transaction("start")
        around = current_call.get()
        behalf = behalf if around is None else behalf.within(around.call)
        await self._engine.start(workflow, run_id, data, behalf=behalf)

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for the end of a run and return its result."""
        result: bytes = await self._ask("result", workflow=workflow, run_id=run_id)
        return result

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message; from inside an operation under an id that follows from the call's."""
        values: dict[str, Any] = {"workflow": workflow, "run_id": run_id, "kind": kind, "data": data}
        around = current_call.get()
        if current_run.get() is None:
            if around is not None and not message_id:
                stem = f"{around.call.id}>{workflow}/{run_id}>{kind}#{fingerprint(data)}"
                ordinal = around.ordinals[stem] = around.ordinals.get(stem, 0) + 1
                message_id = f"{stem}.{ordinal}"
            values["message_id"] = message_id
        await self._ask("send", **values)

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run last showed under a name."""
        data: bytes | None = await self._ask("read", workflow=workflow, run_id=run_id, state=state)
        return data

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Ask a run to cancel."""
        await self._ask("cancel", workflow=workflow, run_id=run_id, reason=reason)
