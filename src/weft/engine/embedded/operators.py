"""What people do to runs: retry, skip, terminate; from this process or by requests from another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from weft.clock import Clock
from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import CallState, LiveRun
from weft.engine.embedded.requests import RequestRow
from weft.engine.embedded.sender import Sender
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import RunEnded, encode_commands
from weft.engine.execution.entries import CancelAsked, Noted, Skipped, Told, encode_entry
from weft.errors import InputInvalid, WeftError
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

POLL_S = 0.05
"""Real seconds between looks for requests of other processes."""


class Operators:
    """Carries out what people ask, each act in the run's own journal with who and why."""

    def __init__(
        self,
        journal: Journal,
        shelf: Shelf,
        sender: Sender,
        clock: Clock,
        *,
        ended: Callable[[LiveRun, RunEnded], None],
    ) -> None:
        self._journal = journal
        self._shelf = shelf
        self._sender = sender
        self._clock = clock
        self._ended = ended
        self._store: Store | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._last_request = 0

    def open(self, store: Store) -> None:
        """Begin to look for requests."""
        self._store = store
        self._take_requests()
        self._poll = asyncio.get_running_loop().call_later(POLL_S, self._look)

    def close(self) -> None:
        """Look no more; what comes is taken at the next start."""
        self._store = None
        if self._poll is not None:
            self._poll.cancel()

    def retry(self, live: LiveRun, who: str) -> None:
        """Try the waiting calls of a run now; load a blocked one again."""
        self._journal.tell(live, Noted("retry", who, ""))
        if live.execution is None:
            self._journal.writer.after_commit(partial(self._reload, live))
            return
        for state in list(live.calls.values()):
            state.attention = ""
            self._sender.hurry(state)

    def _reload(self, live: LiveRun) -> None:
        if live.gone or live.pending:
            return
        row = self._shelf.store.row(live.key)
        self._shelf.remove(live)
        if row is not None:
            self._shelf.load(row)
            self._journal.writer.schedule()

    def skip(self, live: LiveRun, *, who: str, why: str, reply: bytes | None) -> None:
        """Give up the calls that need attention.

        Raises:
            InputInvalid: no call of the run needs attention, or no reason was given.
        """
        troubled = [state for state in live.calls.values() if state.attention]
        if not troubled:
            what = f"no call of run {live.name} needs attention"
            raise InputInvalid(what, remedy="skip is for runs that `weft runs list` shows as needing attention")
        if not why:
            what = "a skip needs a reason"
            raise InputInvalid(what, remedy="say why: --reason TEXT")
        for state in troubled:
            self._skip(live, state, Skipped(state.record.path, who, why, reply))

    def _skip(self, live: LiveRun, state: CallState, entry: Skipped) -> None:
        state.drop()
        live.calls.pop(state.record.path, None)
        if state.stored:
            self._journal.writer.batch.attempts[(live.key, state.record.path)] = None
        self._journal.tell(live, entry)

    def terminate(self, live: LiveRun, *, who: str, why: str) -> None:
        """End a run without its undos."""
        end = RunEnded(RunStatus.TERMINATED, kind="terminated", text=f"{why} (by {who})")
        at_ms = max(live.last_ms, self._clock.now_ms())
        writer = self._journal.writer
        note = encode_entry(Noted("terminate", who, why))
        writer.batch.entries.append((live.key, live.next_seq, at_ms, note, encode_commands([end])))
        writer.batch.updates[live.key] = (end.status, None, at_ms, f"{end.kind}: {end.text}", None)
        self._shelf.remove(live)
        writer.after_commit(partial(self._ended, live, end))

    # Requests of other processes.

    def _look(self) -> None:
        if self._store is None:
            return
        if self._store.changed():
            self._take_requests()
        self._poll = asyncio.get_running_loop().call_later(POLL_S, self._look)

    def _take_requests(self) -> None:
        assert self._store is not None, "an open engine takes requests"
        for row in self._store.pending_requests(self._last_request):
            self._last_request = row.id
            try:
                self._take(row)
            except WeftError as error:
                log.warning("request %s for %s/%s was refused: %s", row.kind, row.workflow, row.run_id, error)
            self._journal.writer.batch.requests_done.append(row.id)
        self._journal.writer.schedule()

    def _take(self, row: RequestRow) -> None:
        live = self._find(row)
        if live is None:
            log.warning("request %s: there is no open run %s/%s", row.kind, row.workflow, row.run_id)
            return
        match row.kind:
            case "signal":
                kind, _, data = row.body.partition(b"\n")
                told = Told(kind.decode(), data, f"request/{row.id}/{row.at_ms}")
                execution = live.execution
                if execution is None or not execution.inbox.has_seen(told.id):
                    self._journal.tell(live, told)
            case "cancel":
                self._journal.tell(live, CancelAsked(row.who, row.why))
            case "retry":
                self.retry(live, row.who)
            case "skip":
                self.skip(live, who=row.who, why=row.why, reply=row.body or None)
            case "terminate":
                self.terminate(live, who=row.who, why=row.why)
            case _:
                log.warning("request %s is unknown", row.kind)

    def _find(self, row: RequestRow) -> LiveRun | None:
        live = self._shelf.loaded(row.workflow, row.run_id)
        if live is not None:
            return live
        found = self._shelf.store.find(row.workflow, row.run_id)
        if found is None or not RunStatus(found.status).is_open:
            return None
        return self._shelf.load(found)
