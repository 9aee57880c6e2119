"""Runs on a Temporal server, as the commands about runs see them: asked over a connection, without a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from weft.cli import exits, texts, visit_texts
from weft.cli.configured import settings_of
from weft.cli.invocation import Invocation
from weft.cli.output import in_one_line, put_json, say, shown
from weft.engine.embedded.requests import Request
from weft.engine.temporal.target import read_target
from weft.errors import RunClosed
from weft.host.engines import Visitor, make_visitor
from weft.model.message import Answer
from weft.model.run import RunPage, RunStatus, RunView

T = TypeVar("T")

WAIT_S = 10.0
"""How long a worker may take to take what only it can do."""

LATE = frozenset({"reset", "delete"})
"""What can be asked of a run that has ended."""


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run as lists show it; one on Temporal has no epochs."""

    workflow: str
    run_id: str
    status: int
    generation: int
    tenant: str
    created_ms: int
    ended_ms: int | None
    reason: str
    epoch: int = 0


def seen(view: RunView) -> SeenRun:
    """Return a run as lists show it."""
    return SeenRun(
        view.workflow, view.id, view.status, view.generation, view.tenant, view.created_ms, view.ended_ms, view.reason
    )


def visits(invocation: Invocation) -> bool:
    """Tell whether the runs are kept by a Temporal server."""
    return settings_of(invocation).is_temporal


def visit(invocation: Invocation, ask: Callable[[Visitor], Awaitable[T]]) -> T:
    """Ask something over a connection of its own.

    Raises:
        EngineUnreachable, NamespaceMissing, ExtraMissing: there is none.
    """

    async def go() -> T:
        async with make_visitor(settings_of(invocation)) as visitor:
            return await ask(visitor)

    return asyncio.run(go())


def page_of(invocation: Invocation, where: str, *, limit: int, after: str) -> RunPage:
    """Return runs of which a query holds."""
    return visit(invocation, lambda visitor: visitor.questions.page(where, limit=limit, after=after))


def counts_of(invocation: Invocation, where: str, *, by: str) -> Mapping[str, int]:
    """Return how many runs a query holds of, by a field."""
    return visit(invocation, lambda visitor: visitor.questions.count(where, by=by))


def request(invocation: Invocation, asked: Request) -> int:
    """Ask something of a run, and say what became of it.

    Raises:
        RunNotFound: there is none.
        RunClosed: it has ended.
        WeftError: it is refused.
    """

    async def go(visitor: Visitor) -> tuple[RunView, bool]:
        view = await visitor.view(asked.workflow, asked.run_id)
        if not view.status.is_open and asked.kind not in LATE:
            what = texts.HAS_ENDED.format(workflow=view.workflow, id=view.id, status=view.status.label)
            raise RunClosed(what, remedy=texts.ENDED_REMEDY)
        taken = await carry_out(visitor, asked)
        return view if asked.kind == "delete" else await visitor.view(asked.workflow, asked.run_id), taken

    view, taken = visit(invocation, go)
    _tell(invocation, asked, view, taken=taken)
    return exits.FINE if taken else exits.FINDING


async def carry_out(visitor: Visitor, asked: Request) -> bool:
    """Carry out what is asked of a run; tell whether it was taken.

    Raises:
        WeftError: it is refused.
    """
    try:
        async with asyncio.timeout(WAIT_S):
            await _carry_out(visitor, asked)
    except TimeoutError:
        return False
    return True


async def _carry_out(visitor: Visitor, asked: Request) -> None:
    name, who, why = (asked.workflow, asked.run_id), asked.who, asked.why
    match asked.kind:
        case "signal":
            kind, _, data = asked.body.partition(b"\n")
            await visitor.send(*name, kind=kind.decode(), data=data)
        case "cancel":
            await visitor.cancel(*name, why, who=who)
        case "retry" | "resend" as kind:
            await visitor.retry(*name, who=who, why=why, resend=kind == "resend")
        case "skip":
            await visitor.skip(*name, who=who, why=why, reply=asked.body or None)
        case "terminate":
            await visitor.terminate(*name, who=who, why=why)
        case "delete":
            await visitor.delete(*name, who=who, why=why)
        case _:
            effects, _, step = asked.body.decode().partition("\n")
            await visitor.reset(*name, at=step, effects="undo" if effects == "undo" else "keep", who=who, why=why)


def answer_of(invocation: Invocation, asked: Request, *, within: float) -> Answer | None:
    """Ask a run an update and return its answer, or nothing if there is none in time.

    Raises:
        RunNotFound: there is none.
        RunClosed: it has ended, or ended without an answer.
    """
    kind, _, data = asked.body.partition(b"\n")

    async def go(visitor: Visitor) -> Answer | None:
        try:
            async with asyncio.timeout(within):
                return await visitor.ask(asked.workflow, asked.run_id, kind=kind.decode(), data=data)
        except TimeoutError:
            return None

    return visit(invocation, go)


def _tell(invocation: Invocation, asked: Request, view: RunView, *, taken: bool) -> None:
    address = read_target(settings_of(invocation).engine).address
    if invocation.json:
        put_json(
            {
                "workflow": asked.workflow,
                "id": asked.run_id,
                "request": asked.kind,
                "who": asked.who,
                "taken": taken,
                "engine": {"process": None, "host": address},
                "status": RunStatus(view.status).label.replace(" ", "-"),
            }
        )
    name, owner = in_one_line(f"{asked.workflow}/{asked.run_id}"), visit_texts.SERVER.format(address=address)
    text = texts.TAKEN if taken else visit_texts.NOT_TAKEN
    said = text.format(name=name, kind=asked.kind, owner=owner, status=view.status.label, wait=f"{WAIT_S:g}")
    say(shown(said))
