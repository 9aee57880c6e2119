"""Requests about runs that are written down first and carried out later: what an outbox keeps."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

from weft.codec import Codec, codec_for
from weft.errors import DeclarationInvalid
from weft.flow.ambient import current_call
from weft.flow.ambient_runs import OPERATIONS, SERVICE, answer, in_time
from weft.flow.port import RunsPort
from weft.flow.runs import Run, StartOptions, split_options
from weft.model.call import Call, Outcome
from weft.model.message import Signal
from weft.model.problem import Problem
from weft.model.resolve import resolve_workflow
from weft.model.workflow import Workflow


class Request(NamedTuple):
    """What is asked of an engine about one run.

    Attributes:
        operation: `start` or `send`.
        run: `workflow/id`.
        arguments: as the operation records them.
    """

    operation: str
    run: str
    arguments: bytes


def start_request(
    workflow: Workflow[Any, Any],
    data: object,
    *,
    run_id: str,
    within: timedelta | None,
    options: StartOptions,
    now_ms: int,
) -> Request:
    """Return the request to start a run; for whom it works is taken from the current call where nothing is said.

    Raises:
        ValueCannotTravel: The input is not of the declared type.
        QueueingInvalid: Its turn cannot be so.
        DeclarationInvalid: The workflow is declared wrongly.
    """
    behalf, terms = split_options(options, within=within, on_close="abandon")
    around = current_call.get()
    if around is not None:
        behalf = behalf.within(around.call)
    values: dict[str, Any] = {"workflow": workflow.name, "run_id": run_id, "data": _input_of(workflow).encode(data)}
    values |= in_time(terms, now_ms) | behalf._asdict()
    return Request("start", f"{workflow.name}/{run_id}", _arguments("start", values))


def send_request(run: Run[Any], signal: Signal) -> Request:
    """Return the request to tell a run a signal."""
    kind = type(signal)
    data = codec_for(kind).encode(signal)
    values = {"workflow": run.workflow, "run_id": run.id, "kind": kind.__name__, "data": data}
    return Request("send", f"{run.workflow}/{run.id}", _arguments("send", values))


async def carry_out(port: RunsPort, request: Request, *, message_id: str) -> Outcome:
    """Ask an engine; asked again under the same id it does nothing twice.

    Returns:
        A reply once it is on disk; a refusal where asking again would end the same; NotDone where it would not.
    """
    return await answer(
        port, Call(id=message_id, service=SERVICE, operation=request.operation, arguments=request.arguments)
    )


def refusal_text(data: bytes) -> str:
    """Return why an engine refused, in words."""
    return OPERATIONS[f"{SERVICE}.start"].refusals["RunExists"].decode(data).what


def _arguments(operation: str, values: dict[str, Any]) -> bytes:
    return OPERATIONS[f"{SERVICE}.{operation}"].parameters.encode(values)


@cache
def _input_of(workflow: Workflow[Any, Any]) -> Codec[Any]:
    problems: list[Problem] = []
    spec = resolve_workflow(workflow, problems)
    if problems:
        raise DeclarationInvalid(f"workflow {workflow.name} is declared wrongly", where=workflow.where)
    return spec.input


class Relay(Protocol):
    """Carries out what an outbox keeps.

    Attributes:
        busy: whether something is under way, or about to be.
    """

    @property
    def busy(self) -> bool:
        """Tell whether something is under way, or about to be."""
        ...

    def start(self) -> None:
        """Begin, with what was left behind."""
        ...

    async def close(self) -> None:
        """End what is under way, and begin no more."""
        ...


class Destination(Protocol):
    """Names the engine for which what is written down is meant."""

    def __call__(self) -> str:
        """Return a name that no other engine has; empty for none in particular."""
        ...


@runtime_checkable
class Outgoing(Protocol):
    """A resource of a service in which requests are written down."""

    def relay(self, port: RunsPort, destination: Destination) -> Relay:
        """Return what carries them out; from now on they are meant for that engine."""
        ...
