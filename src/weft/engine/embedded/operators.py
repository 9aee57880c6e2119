"""What people do to runs: retry, skip, terminate; from this process or by requests from another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Protocol

from weft.clock import Clock
from weft.engine.embedded.failures import reason_of
from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import CallState, LiveRun
from weft.engine.embedded.refusals import KEPT, REFUSALS_OVER, REFUSED
from weft.engine.embedded.requests import RequestRow, message_id_of
from weft.engine.embedded.resets import ResetAsked, Resets
from weft.engine.embedded.schedules.acts import REQUEST as SCHEDULES
from weft.engine.embedded.schedules.acts import Acts
from weft.engine.embedded.sender import Sender
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import RunEnded, encode_commands
from weft.engine.execution.entries import CancelAsked, Entry, Noted, Skipped, Told, encode_entry, storable
from weft.errors import InputInvalid, RunClosed, StoreFailed, WeftError
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

POLL_S = 0.05
"""Real seconds between looks for requests of other processes."""


class Delete(Protocol):
    """Deletes a run that has ended."""

    def __call__(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """Delete it, or raise what keeps it."""
        ...


def _deletes_nothing(workflow: str, run_id: str, *, who: str, why: str) -> None:
    del who, why
    what = f"nobody here deletes runs, so {workflow}/{run_id} stays"
    raise InputInvalid(what)


class Operators:
    """Carries out what people ask, each act in the run's own journal with who and why."""

    def __init__(
        self,
        journal: Journal,
        shelf: Shelf,
        sender: Sender,
        *,
        clock: Clock,
        ended: Callable[[LiveRun, RunEnded], None],
        closing: Callable[[LiveRun], None],
        broken: Callable[[StoreFailed], None],
    ) -> None:
        self.resets = Resets(journal, shelf, clock=clock, reload=self._reload)
        self._journal = journal
        self._shelf = shelf
        self._sender = sender
        self._clock = clock
        self._ended = ended
        self._closing = closing
        self._broken = broken
        self.delete: Delete = _deletes_nothing
        self._store: Store | None = None
        self._poll: asyncio.Handle | None = None
        self._last_request: int | None = None
        self.schedules: Acts | None = None

    def open(self, store: Store) -> None:
        """Begin to look for requests."""
        self._store = store
        self._poll = asyncio.get_running_loop().call_soon(self._look, context=Context())

    def close(self) -> None:
        """Look no more; what comes is taken at the next start."""
        self._store = None
        if self._poll is not None:
            self._poll.cancel()

    def retry(self, live: LiveRun, *, who: str, why: str = "", resend: bool = False) -> None:
        """Try the waiting calls of a run now; load a blocked one again.

        Args:
            live: the run.
            who: who asks.
            why: the reason; needed to send again.
            resend: send also what may have happened and cannot be undone.

        Raises:
            InputInvalid: there is nothing to try but what is sent again only with `resend`, or that has no reason.
        """
        if resend and not why:
            what = "sending a call again that may have happened needs a reason"
            raise InputInvalid(what, remedy="say why: --reason TEXT")
        halted = [state.call.target for state in live.calls.values() if state.halted]
        if halted and not resend and len(halted) == len(live.calls) and live.execution is not None:
            what = f"{halted[0]} of run {live.name} may have happened and cannot be undone: it is not sent again"
            remedy = "find out: `skip --reply` if it happened, `retry --resend --reason TEXT` if it did not"
            raise InputInvalid(what, remedy=remedy)
        if live.sealed is None:
            self._journal.tell(live, Noted("resend" if resend else "retry", who, why))
        if live.execution is None:
            self._journal.writer.after_commit(partial(self._reload, live))
            return
        self._hurry(live, resend=resend)

    def _hurry(self, live: LiveRun, *, resend: bool = False) -> None:
        for state in list(live.calls.values()):
            if self._sender.hurry(state, resend=resend):
                state.attention = ""
        self._journal.save_standing(live)

    def _reload(self, live: LiveRun) -> None:
        if live.gone or live.over:
            return
        if live.pending:
            # More came for it: it is read again once all of that is on disk.
            self._journal.writer.after_commit(partial(self._reload, live))
            return
        row = self._shelf.store.row(live.key)
        self._shelf.remove(live)
        if row is not None:
            self._hurry(self._shelf.load(row))
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
            execution = live.execution
            # What the run does about the first may have made an end of the next.
            if execution is not None and execution.calls.get(state.record.path) is state.record:
                arrived = state.log.arrived or state.under_way
                self._skip(live, state, Skipped(state.record.path, who, why, reply, arrived))

    def _skip(self, live: LiveRun, state: CallState, entry: Skipped) -> None:
        state.drop()
        live.calls.pop(state.record.path, None)
        if state.stored:
            self._journal.writer.batch.attempts[(live.key, state.record.path)] = None
        self._journal.tell(live, entry)

    def terminate(self, live: LiveRun, *, who: str, why: str) -> None:
        """End a run without its undos; until that is on disk it is still there, and nothing comes of it any more."""
        self.end(
            live,
            Noted("terminate", who, why),
            RunEnded(RunStatus.TERMINATED, kind="terminated", text=f"{why} (by {who})"),
        )

    def end(self, live: LiveRun, entry: Entry, end: RunEnded) -> None:
        """End a run at once, without asking it."""
        at_ms = max(live.last_ms, self._clock.now_ms())
        writer = self._journal.writer
        if live.sealed is None:
            writer.batch.entries.append((live.key, live.next_seq, at_ms, encode_entry(entry), encode_commands([end])))
        writer.batch.updates[live.key] = (end.status, None, at_ms, reason_of(end), None)
        writer.batch.attempts_over.append(live.key)
        live.over = True
        self._closing(live)
        live.leave()
        self._shelf.touch(live)
        writer.after_commit(partial(self._ended, live, end))

    # Requests of other processes.

    def _look(self) -> None:
        if self._store is None:
            return
        try:
            if self._last_request is None or self._store.changed():
                self._take_requests()
        except StoreFailed as error:
            self._broken(error)
            return
        self._poll = asyncio.get_running_loop().call_later(POLL_S, self._look)

    def _take_requests(self) -> None:
        assert self._store is not None, "an open engine takes requests"
        self._last_request = self._last_request or 0
        for row in self._store.pending_requests(self._last_request):
            self._last_request = row.id
            try:
                if row.kind == "reset":
                    self.resets.begin(_reset_of(row), partial(self._settled, row))
                    continue
                if self.schedules is not None and row.kind.startswith(SCHEDULES):
                    self.schedules.take(row)
                else:
                    self._take(row)
            except StoreFailed:
                raise
            except (WeftError, ValueError) as error:  # ValueError: text that is none
                self._refuse(row, error)
            except Exception as error:  # a border: one request must not keep all others from being taken
                log.exception("request %s for %s/%s could not be taken", row.kind, row.workflow, row.run_id)
                self._refuse(row, ValueError(f"{type(error).__name__}: {error}"))
            self._journal.writer.batch.requests_done.append(row.id)
        self._journal.writer.schedule()

    def _settled(self, row: RequestRow, error: WeftError | None) -> None:
        """Let a request go in the transaction of its reset, or with its refusal; not if the engine has failed."""
        if isinstance(error, StoreFailed):
            return
        if error is not None:
            self._refuse(row, error)
        self._journal.writer.batch.requests_done.append(row.id)
        self._journal.writer.schedule()

    def _refuse(self, row: RequestRow, error: Exception) -> None:
        """Tell who asked, the log, and the run where it has room for it, that a request was refused."""
        log.warning("request %s for %s/%s was refused: %s", row.kind, row.workflow, row.run_id, error)
        code, advice = (error.code, error.advice) if isinstance(error, WeftError) else ("", "")
        what = error.what if isinstance(error, WeftError) else str(error)
        also = self._journal.writer.batch.also
        also.setdefault(REFUSED, []).append((row.id, code, storable(what), storable(advice)))
        also.setdefault(REFUSALS_OVER, []).append((row.id - KEPT,))
        live = self._find(row)
        if live is not None and live.sealed is None and self._journal.has_room(live):
            self._journal.tell(live, Noted(f"refused {row.kind}:", row.who, storable(str(error))))

    def _take(self, row: RequestRow) -> None:
        if row.kind == "delete":
            self.delete(row.workflow, row.run_id, who=row.who, why=row.why)
            return
        live = self._find(row)
        if live is None:
            what = f"there is no open run {row.workflow}/{row.run_id}"
            raise RunClosed(what, remedy="it has ended meanwhile: look at its result")
        match row.kind:
            case "signal" | "ask":
                kind, _, data = row.body.partition(b"\n")
                self._journal.accept(live, Told(kind.decode(), data, message_id_of(row.id, row.at_ms)))
            case "cancel":
                self._journal.accept(live, CancelAsked(row.who, row.why))
            case "retry":
                self.retry(live, who=row.who, why=row.why)
            case "resend":
                self.retry(live, who=row.who, why=row.why, resend=True)
            case "skip":
                self.skip(live, who=row.who, why=row.why, reply=row.body or None)
            case "terminate":
                self.terminate(live, who=row.who, why=row.why)
            case _:
                what = f"nothing is known by the name of {row.kind}"
                known = "signal, ask, cancel, retry, resend, skip, terminate, reset or delete"
                raise InputInvalid(what, remedy=f"ask for {known}")

    def _find(self, row: RequestRow) -> LiveRun | None:
        live = self._shelf.loaded(row.workflow, row.run_id)
        if live is not None:
            return None if live.over else live
        found = self._shelf.store.find(row.workflow, row.run_id)
        if found is None or not RunStatus(found.status).is_open:
            return None
        return self._shelf.load(found)


def _reset_of(row: RequestRow) -> ResetAsked:
    effects, _, step = row.body.decode().partition("\n")
    if effects not in {"undo", "keep"}:
        what = f"the effects after a cut are undone or kept, not {effects!r}"
        raise InputInvalid(what, remedy="say --undo or --keep")
    return ResetAsked(row.workflow, row.run_id, step, "undo" if effects == "undo" else "keep", row.who, row.why)
