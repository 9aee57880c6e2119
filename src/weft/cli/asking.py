"""`weft runs signal|cancel|retry|skip|terminate`: what people ask of a run, taken up by the engine that owns it."""

from __future__ import annotations

import dataclasses
import getpass
import os
import socket
import time
from collections.abc import Callable

import click

from weft.cli import exits, texts
from weft.cli.bulk import Act, act_on_all
from weft.cli.configured import reading
from weft.cli.documents import NotJson, read_json
from weft.cli.invocation import Invocation, asking_options, bulk_options, common_options
from weft.cli.naming import find_run, run_named
from weft.cli.output import in_one_line, put_json, say, shown
from weft.cli.target import load_system
from weft.cli.visiting import request as ask_server
from weft.cli.visiting import visits
from weft.clock import SystemClock
from weft.codec import codec_for
from weft.engine.embedded.owner import Owner, owner_of
from weft.engine.embedded.refusals import Refusal, refusal_of
from weft.engine.embedded.requests import Request, append_request
from weft.engine.embedded.store import RunRow, Store
from weft.errors import InputInvalid, RunClosed
from weft.host.settings import unknown_name
from weft.model.message import Message, Signal
from weft.model.run import RunStatus

WAIT_S = 10.0
"""How long a running engine may take to take a request; it looks every 50 ms."""

LOOK_S = 0.02
"""Seconds between two looks whether it has."""

RUN = click.argument("words", nargs=-1, metavar="WORKFLOW ID")


@click.command("signal", help=texts.SIGNAL, epilog=texts.SIGNAL_EXAMPLES)
@click.argument("words", nargs=-1, metavar="WORKFLOW ID KIND [JSON]")
@click.option("--target", metavar="TARGET", help=texts.TARGET_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def signal(invocation: Invocation, /, *, words: tuple[str, ...], target: str | None) -> int:
    """Send a signal to a run."""
    every = invocation.where is not None
    workflow, run_id, rest = ("", "", list(words)) if every else run_named(words, more=2)
    if every and len(rest) > 2:  # noqa: PLR2004 - its kind and its fields
        raise click.UsageError(texts.WORDS_TOO_MANY.format(words=" ".join(rest[2:])))
    if not rest:
        raise click.UsageError(texts.KIND_MISSING)
    kind, text = rest[0], rest[1] if len(rest) > 1 else "{}"
    data = read_typed(text, of=kind)
    if target is not None:
        data = checked(target, kind, data, among=Signal)
    if every:
        return act_on_all(invocation, _act(invocation, "signal", body=kind.encode() + b"\n" + data))
    return ask(invocation, request_of("signal", workflow, run_id, body=kind.encode() + b"\n" + data))


@click.command("cancel", help=texts.CANCEL, epilog=texts.CANCEL_EXAMPLES)
@RUN
@click.option("--reason", default="", metavar="TEXT", help=texts.REASON_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def cancel(invocation: Invocation, /, *, words: tuple[str, ...], reason: str) -> int:
    """Ask a run to cancel."""
    if invocation.where is not None:
        return act_on_all(invocation, _act(invocation, "cancel", why=reason))
    workflow, run_id, _ = run_named(words)
    return ask(invocation, request_of("cancel", workflow, run_id, why=reason))


@click.command("retry", help=texts.RETRY, epilog=texts.RETRY_EXAMPLES)
@RUN
@click.option("--resend", is_flag=True, help=texts.RESEND_OPTION)
@click.option("--reason", default="", metavar="TEXT", help=texts.REASON_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def retry(invocation: Invocation, /, *, words: tuple[str, ...], resend: bool, reason: str) -> int:
    """Try the waiting calls of a run now."""
    if invocation.where is not None:
        kind, why = ("resend", said(reason)) if resend else ("retry", reason)
        return act_on_all(invocation, _act(invocation, kind, why=why))
    workflow, run_id, _ = run_named(words)
    if resend:
        return ask(invocation, request_of("resend", workflow, run_id, why=said(reason)), check=_needs_attention)
    return ask(invocation, request_of("retry", workflow, run_id, why=reason))


@click.command("skip", help=texts.SKIP, epilog=texts.SKIP_EXAMPLES)
@RUN
@click.option("--reason", required=True, metavar="TEXT", help=texts.REASON_OPTION)
@click.option("--reply", metavar="JSON", help=texts.REPLY_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def skip(invocation: Invocation, /, *, words: tuple[str, ...], reason: str, reply: str | None) -> int:
    """Give up the calls of a run that need attention."""
    body = b"" if reply is None else read_typed(reply, of="--reply")
    if invocation.where is not None:
        return act_on_all(invocation, _act(invocation, "skip", why=said(reason), body=body))
    workflow, run_id, _ = run_named(words)
    return ask(invocation, request_of("skip", workflow, run_id, body=body, why=said(reason)), check=_needs_attention)


@click.command("terminate", help=texts.TERMINATE, epilog=texts.TERMINATE_EXAMPLES)
@RUN
@click.option("--reason", required=True, metavar="TEXT", help=texts.REASON_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def terminate(invocation: Invocation, /, *, words: tuple[str, ...], reason: str) -> int:
    """End a run without its undos."""
    if invocation.where is not None:
        return act_on_all(invocation, _act(invocation, "terminate", why=said(reason)))
    workflow, run_id, _ = run_named(words)
    return ask(invocation, request_of("terminate", workflow, run_id, why=said(reason)))


def _act(invocation: Invocation, kind: str, *, why: str = "", body: bytes = b"") -> Act:
    return Act(kind, invocation.who or whoami(), why, body)


def said(reason: str) -> str:
    """Return a reason.

    Raises:
        UsageError: it says nothing.
    """
    if not reason.strip():
        raise click.UsageError(texts.REASON_EMPTY)
    return reason


def request_of(kind: str, workflow: str, run_id: str, *, body: bytes = b"", why: str = "") -> Request:
    """Return a request that nobody has asked yet."""
    return Request(workflow, run_id, kind, body, who="", why=why, at_ms=SystemClock().now_ms())


def read_typed(text: str, *, of: str) -> bytes:
    """Return what was typed as it was typed: a number keeps its digits."""
    try:
        read_json(text)
    except NotJson as error:
        what = texts.ARGUMENT_NOT_JSON.format(name=of, reason=error.what)
        raise InputInvalid(what, remedy=texts.QUOTE_JSON) from None
    return text.strip().encode()


def checked(target: str, kind: str, data: bytes, *, among: type[Message]) -> bytes:
    """Return a message as the System's code writes it.

    Args:
        target: names the System.
        kind: of which kind it is said to be.
        data: as it was typed.
        among: signals or updates.

    Raises:
        SettingInvalid: The code has no such message of this kind.
        ValueInvalid: The data is none.
    """
    load_system(target)
    kinds = {each.__name__: each for each in _below(among)}
    if kind not in kinds:
        raise exits.wrong_use(unknown_name(among.__name__.lower(), kind, kinds, where=target))
    codec = codec_for(kinds[kind])
    return codec.encode(codec.decode(data))


def _below(kind: type[Message]) -> list[type[Message]]:
    return [found for each in kind.__subclasses__() for found in (each, *_below(each))]


def _needs_attention(_: Store, row: RunRow) -> None:
    if row.status != RunStatus.NEEDS_ATTENTION:
        status = RunStatus(row.status).label
        what = texts.NOTHING_TO_SKIP.format(workflow=row.workflow, id=row.run_id, status=status)
        raise InputInvalid(what, remedy=texts.SKIP_REMEDY)


def ask(
    invocation: Invocation,
    request: Request,
    *,
    check: Callable[[Store, RunRow], None] | None = None,
    ended: bool = False,
) -> int:
    """Leave a request in the store and wait until the engine that owns it has taken it, and done it or refused it.

    Args:
        invocation: the command line.
        request: what is asked.
        check: raises where it is refused as the run stands.
        ended: it may be asked of a run that has ended.

    Raises:
        RunNotFound: There is no such run.
        RunClosed: It has ended.
        WeftError: `check` refuses it as it stands.
    """
    request = named(request, invocation)
    if visits(invocation):
        return ask_server(invocation, request)
    with reading(invocation) as (store, path):
        row = find_run(store, request.workflow, request.run_id) if ended else find_open(store, request)
        if check is not None:
            check(store, row)
        number = append_request(path, request)
        owner = owner_of(path)
        taken = owner is not None and not invocation.no_wait and is_taken(store, number)
        refusal = refusal_of(store, number) if taken else None
        if refusal is not None:
            return _tell_refusal(invocation, request, refusal, owner=owner)
        row = find_run(store, request.workflow, request.run_id)
    return tell(invocation, request, row, owner=owner, taken=taken)


def named(request: Request, invocation: Invocation) -> Request:
    """Return a request with the name of who asks."""
    return dataclasses.replace(request, who=invocation.who or whoami())


def find_open(store: Store, request: Request) -> RunRow:
    """Return the run that a request is about.

    Raises:
        RunNotFound: There is no such run.
        RunClosed: It has ended.
    """
    row = find_run(store, request.workflow, request.run_id)
    if not RunStatus(row.status).is_open:
        status = RunStatus(row.status).label
        what = texts.HAS_ENDED.format(workflow=row.workflow, id=row.run_id, status=status)
        raise RunClosed(what, where=str(store.path), remedy=texts.ENDED_REMEDY)
    return row


def whoami() -> str:
    """Return who asks where nobody is named: this user at this host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def is_taken(store: Store, number: int) -> bool:
    """Wait until a request is gone; it goes in the commit that journals it."""
    until = time.monotonic() + WAIT_S
    while any(row.id == number for row in store.pending_requests(number - 1)):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    return True


def _tell_refusal(invocation: Invocation, request: Request, refusal: Refusal, *, owner: Owner | None) -> int:
    name = f"{request.workflow}/{request.run_id}"
    if invocation.json:
        put_json({"workflow": request.workflow, "id": request.run_id, "request": request.kind, **refusal._asdict()})
    text = texts.ENGINE_REFUSED.format(name=in_one_line(name), kind=request.kind, owner=owner, **refusal._asdict())
    say(shown(text))
    return exits.FINDING


def tell(invocation: Invocation, request: Request, row: RunRow, *, owner: Owner | None, taken: bool) -> int:
    """Say what became of a request."""
    if invocation.json:
        put_json(
            {
                "workflow": row.workflow,
                "id": row.run_id,
                "request": request.kind,
                "who": request.who,
                "taken": taken,
                "engine": None if owner is None else {"process": owner.pid, "host": owner.host},
                "status": RunStatus(row.status).label.replace(" ", "-"),
            }
        )
    if taken:
        text = texts.TAKEN
    elif owner is None:
        text = texts.NO_ENGINE
    else:
        text = texts.LEFT if invocation.no_wait else texts.NOT_TAKEN.replace("{wait}", f"{WAIT_S:g}")
    name = in_one_line(f"{row.workflow}/{row.run_id}")
    say(shown(text.format(kind=request.kind, name=name, owner=owner, status=RunStatus(row.status).label)))
    return exits.FINE if taken or owner is None or invocation.no_wait else exits.FINDING
