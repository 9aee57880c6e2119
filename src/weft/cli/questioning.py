"""`weft runs ask`: an update for a run, and its answer, from another process than the one that runs it."""

from __future__ import annotations

import json
import time
from typing import NoReturn

import click

from weft.cli import exits, texts
from weft.cli.asking import LOOK_S, RUN, checked, find_open, named, read_typed, request_of, tell
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, asking_options, common_options
from weft.cli.naming import find_run, run_named
from weft.cli.output import in_one_line, put_json, say, shown
from weft.cli.visiting import answer_of, visits
from weft.engine.embedded.journal import UNANSWERED
from weft.engine.embedded.owner import owner_of
from weft.engine.embedded.requests import Request, append_request, message_id_of
from weft.engine.embedded.store import RunRow, Store
from weft.engine.execution.commands import UpdateAnswered, decode_commands
from weft.engine.execution.entries import Entry, Noted, Started, Told, decode_entry
from weft.errors import InputInvalid, RunClosed
from weft.model.message import Answer, Update
from weft.model.run import RunStatus

DEFAULT_WITHIN_S = 60.0
LAST = 2**62


@click.command("ask", help=texts.ASK, epilog=texts.ASK_EXAMPLES)
@RUN
@click.option("--body", default="{}", metavar="JSON", help=texts.BODY_OPTION)
@click.option(
    "--within", type=click.FloatRange(0), default=DEFAULT_WITHIN_S, show_default=True, help=texts.WITHIN_OPTION
)
@click.option("--target", metavar="TARGET", help=texts.TARGET_OPTION)
@asking_options
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, words: tuple[str, ...], body: str, within: float, target: str | None) -> int:
    """Ask a run an update."""
    workflow, run_id, rest = run_named(words, more=1)
    if not rest:
        raise click.UsageError(texts.ASK_KIND_MISSING)
    kind = rest[0]
    data = read_typed(body, of="--body")
    if target is not None:
        data = checked(target, kind, data, among=Update)
    request = named(request_of("ask", workflow, run_id, body=kind.encode() + b"\n" + data), invocation)
    if visits(invocation):
        said = answer_of(invocation, request, within=within)
        return _show(invocation, request, said, kind=kind, within=within)
    with reading(invocation) as (store, path):
        row = find_open(store, request)
        since = store.last_seq(row.key) + 1
        number = append_request(path, request)
        owner = owner_of(path)
        if owner is None or invocation.no_wait:
            return tell(invocation, request, row, owner=owner, taken=False)
        message_id = message_id_of(number, request.at_ms)
        answer = _Waiting(store, row, message_id, since=since).answer(number, within)
    return _show(invocation, request, answer, kind=kind, within=within)


class _Waiting:
    """Reads what comes into a run's journal until an answer is among it."""

    def __init__(self, store: Store, row: RunRow, message_id: str, *, since: int) -> None:
        self._store = store
        self._row = row
        self._id = message_id
        self._since = since
        self._told = False
        self._name = f"{row.workflow}/{row.run_id}"

    def answer(self, number: int, within: float) -> UpdateAnswered | None:
        """Return the answer, or nothing if there is none in time.

        Raises:
            RunClosed: there will be none.
            InputInvalid: the engine refused to tell it.
        """
        until = time.monotonic() + within
        while True:
            over = not self._is_open()  # first: what is read after it has all that there will be
            waits = bool([row for row in self._store.pending_requests(number - 1) if row.id == number])
            answer = self._look()
            if answer is not None or time.monotonic() > until:
                return answer
            if over and not waits:
                self._refuse_ended()
            time.sleep(LOOK_S)

    def _is_open(self) -> bool:
        return RunStatus(find_run(self._store, self._row.workflow, self._row.run_id).status).is_open

    def _refuse_ended(self) -> NoReturn:
        row = find_run(self._store, self._row.workflow, self._row.run_id)
        what = texts.NO_ANSWER_ENDED.format(name=self._name, status=RunStatus(row.status).label)
        raise RunClosed(what, where=str(self._store.path))

    def _look(self) -> UpdateAnswered | None:
        for row in self._store.entries(self._row.key, since=self._since, until=LAST):
            self._note(decode_entry(row.entry))
            if row.commands == UNANSWERED:
                return None  # a blocked run has not been told: it is read again
            self._since = row.seq + 1
            for command in decode_commands(row.commands):
                if isinstance(command, UpdateAnswered) and command.id == self._id:
                    return command
        return None

    def _note(self, entry: Entry) -> None:
        if isinstance(entry, Told) and entry.id == self._id:
            self._told = True
        elif isinstance(entry, Started) and self._told and self._id not in [told.id for told in entry.carried]:
            raise RunClosed(texts.NO_ANSWER_CONTINUED.format(name=self._name), where=str(self._store.path))
        elif isinstance(entry, Noted) and entry.what == "refused ask:" and not self._told:
            raise InputInvalid(texts.NOT_TOLD.format(name=self._name, why=entry.why), where=str(self._store.path))


def _show(
    invocation: Invocation, request: Request, answer: UpdateAnswered | Answer | None, *, kind: str, within: float
) -> int:
    name = in_one_line(f"{request.workflow}/{request.run_id}")
    value = None if answer is None else json.loads(answer.data)
    refusal = "" if answer is None else answer.refusal
    if invocation.json:
        put_json(
            {
                "workflow": request.workflow,
                "id": request.run_id,
                "update": kind,
                "who": request.who,
                "answered": answer is not None and not refusal,
                "answer": None if refusal else value,
                "refusal": {"kind": refusal, "fields": value} if refusal else None,
            }
        )
    elif answer is not None and not refusal:
        put_json(value)
    if answer is None:
        say(shown(texts.UNANSWERED.format(name=name, kind=kind, wait=f"{within:g}")))
    elif refusal:
        fields = json.dumps(value, ensure_ascii=False)
        say(shown(texts.REFUSED.format(name=name, kind=kind, refusal=refusal, fields=fields)))
    return exits.FINE if answer is not None and not refusal else exits.FINDING
