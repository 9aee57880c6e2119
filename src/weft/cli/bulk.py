"""What is asked of all runs that a query means: counted first, then asked in small batches, each run by itself."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from weft.cli import bulk_texts, exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation
from weft.cli.output import put_json, say
from weft.cli.progress import Progress
from weft.cli.selecting import OPEN, TROUBLED, query_of
from weft.cli.visiting import SeenRun, counts_of, visits
from weft.cli.visiting_many import ask_all
from weft.clock import SystemClock
from weft.engine.embedded.owner import owner_of
from weft.engine.embedded.questions import Asker
from weft.engine.embedded.requests import Request, append_requests
from weft.engine.embedded.store import RunRow, Store
from weft.model.query.rendering import render
from weft.model.query.tree import Query

AT_ONCE = 200
"""Runs of one batch: an engine takes them between two commits, and its own work goes on."""

WAIT_S = 60.0
"""How long a running engine may take to take a batch."""

LOOK_S = 0.02
"""Seconds between two looks whether it has."""

AMONG = {"retry": OPEN, "signal": OPEN, "cancel": OPEN, "terminate": OPEN, "skip": TROUBLED, "resend": TROUBLED}
"""Of which runs each can be asked; the others are passed over. `delete` is for those that have ended."""


@dataclass(frozen=True, slots=True)
class Act:
    """What is asked of each run.

    Attributes:
        kind: as requests name it.
        who: who asks.
        why: the reason.
        body: what comes with it.
    """

    kind: str
    who: str
    why: str = ""
    body: bytes = b""

    def of(self, row: RunRow | SeenRun) -> Request:
        """Return it as a request about one run."""
        at_ms = SystemClock().now_ms()
        return Request(row.workflow, row.run_id, self.kind, self.body, who=self.who, why=self.why, at_ms=at_ms)


def act_on_all(invocation: Invocation, act: Act) -> int:
    """Ask something of every run that `--where` means and that it can be asked of.

    Raises:
        QueryInvalid, CursorInvalid: `--where` or `--after` cannot be read.
        UsageError: `--where` says nothing.
    """
    if not (invocation.where or "").strip():
        raise click.UsageError(bulk_texts.WHERE_EMPTY)
    query = query_of(invocation.where or "", statuses=AMONG.get(act.kind, ("closed",)))
    if visits(invocation):
        return _ask_server(invocation, act, render(query))
    with reading(invocation) as (store, path):
        *_, counts = Asker(store, SystemClock()).count(query)
        total = counts.total()
        say(bulk_texts.BULK_COUNT.format(kind=act.kind, count=total))
        if total and not _is_meant(invocation):
            say(bulk_texts.BULK_NOTHING_DONE)
            return exits.FINE
        return _Batches(invocation, act, path, total=total).run(store, query) if total else exits.FINE


def _ask_server(invocation: Invocation, act: Act, where: str) -> int:
    total = sum(counts_of(invocation, where, by="").values())
    say(bulk_texts.BULK_COUNT.format(kind=act.kind, count=total))
    if total and not _is_meant(invocation):
        say(bulk_texts.BULK_NOTHING_DONE)
        return exits.FINE
    return ask_all(invocation, where, act.of) if total else exits.FINE


def _is_meant(invocation: Invocation) -> bool:
    return invocation.yes or (sys.stdin.isatty() and click.confirm(bulk_texts.BULK_CONFIRM, err=True))


class _Batches:
    """One batch after the other, each taken before the next is asked."""

    def __init__(self, invocation: Invocation, act: Act, path: Path, *, total: int) -> None:
        self._invocation = invocation
        self._act = act
        self._path = path
        self._progress = Progress(total, act.kind, text=bulk_texts.BULK_PROGRESS)
        self._counts: Counter[str] = Counter()

    def run(self, store: Store, query: Query) -> int:
        """Ask all, and say how it went; where that is interrupted, say where to go on."""
        cursor = self._invocation.after
        asker = Asker(store, SystemClock())
        try:
            while True:
                *_, page = asker.page(query, limit=AT_ONCE, after=cursor)
                self._ask(store, page.rows)
                cursor = page.cursor or cursor
                if page.cursor is None:
                    break
        except KeyboardInterrupt:
            self._progress.clear()
            say(bulk_texts.BULK_INTERRUPTED.format(cursor=cursor) if cursor else bulk_texts.BULK_NOTHING_DONE)
            raise
        self._progress.clear()
        said = ", ".join(f"{count:,} {word}" for word, count in sorted(self._counts.items()))
        say(bulk_texts.BULK_DONE.format(kind=self._act.kind, said=said or texts.NONE))
        return exits.FINDING if self._counts["not taken"] else exits.FINE

    def _ask(self, store: Store, rows: Sequence[RunRow]) -> None:
        if not rows:
            return
        numbers = append_requests(self._path, [self._act.of(row) for row in rows])
        word = self._outcome(store, numbers)
        self._counts[word] += len(rows)
        self._progress.show(self._counts)
        if self._invocation.json:
            for row in rows:
                name = {"workflow": row.workflow, "id": row.run_id}
                put_json({**name, "request": self._act.kind, "who": self._act.who, "taken": word == "taken"})

    def _outcome(self, store: Store, numbers: range) -> str:
        if owner_of(self._path) is None or self._invocation.no_wait:
            return "kept"
        until = time.monotonic() + WAIT_S
        while any(row.id in numbers for row in store.pending_requests(numbers.start - 1)):
            if time.monotonic() > until:
                return "not taken"
            time.sleep(LOOK_S)
        return "taken"
