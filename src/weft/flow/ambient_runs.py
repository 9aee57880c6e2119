"""Runs asked for from inside: a workflow's requests become calls in its journal, everybody else's go to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.codec import RecordCodec, codec_for, fingerprint
from weft.errors import (
    InputInvalid,
    LimitExceeded,
    NotDone,
    QueueingInvalid,
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
from weft.flow.port import OnClose, RunsPort, Terms
from weft.model.attribute import Attributes
from weft.model.call import NOBODY, Behalf, Call, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.message import Answer
from weft.model.operation import Operation
from weft.model.policy import NO_TIMEOUT_MS
from weft.model.queueing import FIRST_COME, Queueing

SERVICE = "weft.runs"
"""The service under which an engine answers requests about runs."""


@dataclass(frozen=True, slots=True)
class RunsRefusal:
    """An error of an engine about a run, on its way to the workflow that asked."""

    what: str
    kind: str = ""
    remedy: str = ""
    refused: bytes = b""


_ABOUT_RUNS = (RunExists, RunNotFound, RunClosed, RunFailed, RunCancelled, RunTerminated)
_IMPOSSIBLE = (LimitExceeded, ValueInvalid, InputInvalid, QueueingInvalid)

ERRORS: dict[str, type[WeftError]] = {error.__name__: error for error in (*_ABOUT_RUNS, *_IMPOSSIBLE)}
"""What a workflow is told as it is: asking the same again would end the same."""


BEHALF: dict[str, Any] = {**dict.fromkeys(Behalf._fields, str), "attributes": Attributes}


DEFAULTS: dict[str, object] = {
    "within_ms": None,
    "on_close": "abandon",
    "message_id": "",
    "key": "",
    "priority": 0,
    "at_ms": None,
    **NOBODY._asdict(),
}
"""What journals lack that are older than these fields."""

_TURN: dict[str, Any] = {"key": str, "priority": int, "at_ms": int | None}
_CHILD: dict[str, Any] = {"data": bytes, "within_ms": int | None, "on_close": OnClose, **_TURN, **BEHALF}
_MESSAGE: dict[str, Any] = {"kind": str, "data": bytes}


def _operation(name: str, kind: EffectKind, *, result: Any, fields: dict[str, Any] | None = None) -> Operation:
    named = {"workflow": str, "run_id": str, **(fields or {})}
    return Operation(
        service=SERVICE,
        name=name,
        kind=kind,
        parameters=RecordCodec(named, {name: value for name, value in DEFAULTS.items() if name in named}),
        result=codec_for(result),
        refusals={error: codec_for(RunsRefusal) for error in ERRORS},
        timeout_ms=NO_TIMEOUT_MS,
        exactly_once=True,
    )


OPERATIONS: dict[str, Operation] = {
    operation.target: operation
    for operation in (
        _operation("start", EffectKind.IDEMPOTENT, result=type(None), fields=_CHILD),
        _operation("run", EffectKind.IDEMPOTENT, result=bytes, fields=_CHILD),
        _operation("result", EffectKind.READ, result=bytes),
        _operation("send", EffectKind.IDEMPOTENT, result=type(None), fields=_MESSAGE),
        _operation("ask", EffectKind.IDEMPOTENT, result=Answer, fields={**_MESSAGE, "message_id": str}),
        _operation("read", EffectKind.READ, result=bytes | None, fields={"state": str}),
        _operation("cancel", EffectKind.IDEMPOTENT, result=type(None), fields={"reason": str}),
        _operation("terminate", EffectKind.IDEMPOTENT, result=type(None), fields={"who": str, "why": str}),
    )
}
"""What a workflow may ask of runs, by target."""


def refused(error: WeftError) -> Refused:
    """Turn an engine's error about a run into the refusal that a workflow is told."""
    kind, data = (error.kind, error.refused) if isinstance(error, RunFailed) else ("", b"")
    refusal = RunsRefusal(error.what, kind, error.advice, data)
    return Refused(type(error).__name__, codec_for(RunsRefusal).encode(refusal))


async def answer(port: RunsPort, call: Call) -> Outcome:
    """Carry out a workflow's request about runs."""
    asked = OPERATIONS[call.target]
    values = asked.parameters.decode(call.arguments)
    try:
        match call.operation:
            case "send":
                result: Any = await port.send(**values, message_id=call.id)
            case "ask":
                values["message_id"] = values["message_id"] or call.id
                result = await port.ask(**values)
            case "start" | "run":
                behalf = Behalf(*(values.pop(name) for name in BEHALF)).within(call)
                turn = Queueing(*(values.pop(name) for name in _TURN))
                result = await port.start(**values, behalf=behalf, queueing=turn)
                if call.operation == "run":
                    result = await port.result(values["workflow"], values["run_id"])
            case _:
                result = await getattr(port, call.operation)(**values)
    except WeftError as error:
        if type(error).__name__ in ERRORS:
            return refused(error)
        return NotDone(error.what, reason=type(error).__name__)
    return Reply(asked.result.encode(result))


async def ask_engine(operation: str, values: Mapping[str, Any]) -> Any:
    """Ask something about runs as a call of the current run."""
    run = current_run.get()
    assert run is not None, "only a run's requests are calls"
    asked = OPERATIONS[f"{SERVICE}.{operation}"]
    outcome = await run.call(asked, asked.parameters.encode(values))
    if isinstance(outcome, Reply):
        return asked.result.decode(outcome.data)
    if isinstance(outcome, Refused):
        refusal: RunsRefusal = asked.refusals[outcome.kind].decode(outcome.data)
        error = ERRORS[outcome.kind]
        if issubclass(error, RunFailed):
            raise error(refusal.what, kind=refusal.kind, refused=refusal.refused)
        raise error(refusal.what, remedy=refusal.remedy)
    raise outcome


def recorded(terms: Terms) -> dict[str, Any]:
    """Return the terms of a start as the call of a run records them: what counts from now on becomes a time."""
    run = current_run.get()
    assert run is not None, "only a run's requests are recorded"
    return in_time(terms, run.now_ms())


def in_time(terms: Terms, now_ms: int) -> dict[str, Any]:
    """Return the terms of a start as they are written down: what counts from now on becomes a time."""
    turn = terms["queueing"].since(now_ms)
    values: dict[str, Any] = {"within_ms": terms["within_ms"], "on_close": terms["on_close"]}
    return values | {name: getattr(turn, name) for name in _TURN}


def _refuse_inside_transaction(operation: str) -> None:
    around = current_call.get()
    if around is not None:
        around.refuse_others(f"asks for {SERVICE}.{operation}")


class AmbientRuns:
    """A RunsPort for everybody: inside a run it issues calls of that run, elsewhere it asks the engine."""

    def __init__(self, engine: RunsPort) -> None:
        self._engine = engine

    async def _ask(self, operation: str, **values: Any) -> Any:
        if current_run.get() is None:
            _refuse_inside_transaction(operation)
            return await getattr(self._engine, operation)(**values)
        return await ask_engine(operation, values)

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
        """Start a run, or find that it exists with the same input."""
        terms: Terms = {"within_ms": within_ms, "on_close": on_close, "queueing": queueing}
        if current_run.get() is not None:
            values = recorded(terms) | behalf._asdict()
            await self._ask("start", workflow=workflow, run_id=run_id, data=data, **values)
            return
        _refuse_inside_transaction("start")
        around = current_call.get()
        behalf = behalf if around is None else behalf.within(around.call)
        await self._engine.start(workflow, run_id, data, behalf=behalf, **terms)

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for the end of a run and return its result."""
        result: bytes = await self._ask("result", workflow=workflow, run_id=run_id)
        return result

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message; from inside an operation under an id that follows from the call's."""
        values: dict[str, Any] = {"workflow": workflow, "run_id": run_id, "kind": kind, "data": data}
        if current_run.get() is None:
            values["message_id"] = message_id or _message_id(f"{workflow}/{run_id}", kind, data)
        await self._ask("send", **values)

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer; inside an operation its id follows from the call's."""
        if current_run.get() is None:
            message_id = message_id or _message_id(f"{workflow}/{run_id}", kind, data)
        values = {"workflow": workflow, "run_id": run_id, "kind": kind, "data": data, "message_id": message_id}
        answer: Answer = await self._ask("ask", **values)
        return answer

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run last showed under a name."""
        data: bytes | None = await self._ask("read", workflow=workflow, run_id=run_id, state=state)
        return data

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Ask a run to cancel."""
        await self._ask("cancel", workflow=workflow, run_id=run_id, reason=reason)

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        await self._ask("terminate", workflow=workflow, run_id=run_id, who=who, why=why)


def _message_id(run: str, kind: str, data: bytes) -> str:
    """Return an id that follows from the call that an operation works on; nothing outside of operations."""
    around = current_call.get()
    if around is None:
        return ""
    stem = f"{around.call.id}>{run}>{kind}#{fingerprint(data)}"
    ordinal = around.count(stem)
    return f"{stem}.{ordinal}"
