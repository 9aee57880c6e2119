"""The embedded engine: runs, their journal in one SQLite file, their calls and timers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from weft.clock import Clock, SystemClock
from weft.engine.embedded.acts import OperatorActs
from weft.engine.embedded.housekeeping import Housekeeping
from weft.engine.embedded.intake import Intake
from weft.engine.embedded.post import Asked
from weft.engine.embedded.questions import Questions
from weft.engine.embedded.schedules.acts import EmbeddedSchedules
from weft.engine.embedded.starting import begin_or_find, check_start
from weft.engine.embedded.store import RunRow, Store
from weft.engine.embedded.story import story_of, view_of
from weft.engine.embedded.waiters import Waiters
from weft.engine.embedded.work import Work
from weft.engine.embedded.writer import Writer
from weft.engine.execution.entries import CancelAsked, Told
from weft.engine.execution.loop import DRAIN_LIMIT
from weft.engine.execution.program import Program
from weft.errors import RunClosed, StoreFailed
from weft.flow.ambient_runs import OPERATIONS
from weft.flow.port import OnClose
from weft.ids import Ids, SystemIds
from weft.model.call import NOBODY, Behalf, Handler
from weft.model.message import Answer
from weft.model.operation import Operation
from weft.model.policy import Backoff, Limits
from weft.model.queueing import FIRST_COME, Queueing
from weft.model.run import RunStatus, RunStory, RunView

log = logging.getLogger("weft.engine")

DRAIN = timedelta(seconds=10)
"""Real time that calls under way may take to end when the engine closes."""

RECOVER_AT_ONCE = 200
"""Runs loaded at start before the loop gets a turn."""


class Killed(BaseException):
    """Raised by `on_commit` to make the engine drop everything, as a crash at that point would."""


class EmbeddedEngine(OperatorActs):
    """Run workflows durably on one machine.

    Attributes:
        on_commit: called with the number of commits so far, after each commit and before its outputs leave.
        failed: set with the error once a commit has failed and the engine has stopped.
        drain: real time that calls under way may take to end when the engine closes.
        questions: lists and counts of runs.
        housekeeping: deletes what has ended.
    """

    def __init__(
        self,
        path: Path,
        *,
        system: str,
        clock: Clock | None = None,
        ids: Ids | None = None,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        drain_limit: int = DRAIN_LIMIT,
    ) -> None:
        """Make an engine; nothing happens before it is opened.

        Args:
            path: the store's file.
            system: the name of the System that it belongs to.
            clock: where wall time comes from.
            ids: where chains, seeds and ids of messages come from.
            limits: what a run may hold.
            backoff: the waits between attempts.
            drain_limit: callbacks in one step of a run.
        """
        self.drain = DRAIN
        self._path = path
        self._system = system
        self._ids = ids or SystemIds()
        self._limits = limits or Limits()
        self._work = Work(
            self,
            clock=clock or SystemClock(),
            ids=self._ids,
            limits=self._limits,
            backoff=backoff or Backoff(),
            drain_limit=drain_limit,
        )
        self._intake = Intake(self._work.waiters, self._work.journal.turn)
        self.schedules = EmbeddedSchedules(self._work.schedules, self._do)
        self.questions = Questions(self._open_store, self._work.clock)
        self.housekeeping = Housekeeping(self._work.shelf, self._work.clock, do=self._do)
        self._work.operators.delete = self.housekeeping.delete
        self._store: Store | None = None
        self._identity = ""
        self._commits = 0
        self._recovered: int | None = 0
        self._changed = asyncio.Event()
        self.on_commit: Callable[[int], None] | None = None
        self.failed: StoreFailed | None = None
        self._work.sender.changed = self._changed.set
        self._work.sender.waits.later = self._intake.do
        self._work.waiters.woke = self._changed.set
        self._work.broken = self._on_failed

    # Opening and closing.

    async def open(
        self, programs: Mapping[str, Program], operations: Mapping[str, Operation], handler: Handler
    ) -> None:
        """Take the store, resume every open run, and begin to work.

        Raises:
            StoreOwned, StoreNewer, StoreOfOtherSystem, StoreFailed: the store cannot be taken.
        """
        store = self._store = Store.open(self._path, system=self._system, owner=True)
        self._identity = store.identity
        try:
            await self._begin(store, programs, {**OPERATIONS, **operations}, handler=handler)
        except BaseException:
            await self.kill()
            raise

    async def _begin(
        self,
        store: Store,
        programs: Mapping[str, Program],
        operations: Mapping[str, Operation],
        *,
        handler: Handler,
    ) -> None:
        writer = Writer(store, asyncio.get_running_loop(), on_failed=self._on_failed, on_commit=self._on_commit)
        self._intake.open(writer)
        self._work.journal.open(writer, programs, operations)
        self._work.sender.open(operations, handler)
        self._work.start(store)
        await self._work.queue.open({name: each.spec.workflow.at_once for name, each in programs.items()}, self._do)
        await self._recover()
        self._work.timetable.open(store)
        await self.schedules.open(programs)
        self._work.operators.open(store)
        self.housekeeping.open(store, lambda: writer.batch)

    async def _recover(self) -> None:
        """Load every run that has calls under way, a few at a time."""
        while self._recovered is not None:
            await self._do(self._load_some)

    def _load_some(self) -> None:
        # Read and loaded in one go: between the two a run could end, and be loaded again as if it had not.
        rows = self._work.shelf.store.in_flight(self._recovered or 0, RECOVER_AT_ONCE)
        self._recovered = rows[-1].key if rows else None
        for row in rows:
            if not self._work.shelf.is_loaded(row.key):
                self._work.shelf.load(row)

    def identity(self) -> str:
        """Return the name of the store, which no other has; empty before it was first opened."""
        return self._identity

    async def close(self) -> None:
        """Stop intake, let calls under way end, commit, and give the store back."""
        if self._store is None:
            return
        try:
            with suppress(StoreFailed):  # whoever waits has been told, and so has the log
                await self._do(lambda: None)  # what was asked before this is still done
            self._work.stop()
            await self._calls_ended()
            with suppress(StoreFailed):
                await self._work.journal.writer.drained()
        finally:
            await self._drop()

    async def _calls_ended(self) -> None:
        try:
            async with asyncio.timeout(self.drain.total_seconds()):
                while self._work.sender.in_flight > self._waiting_calls():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            log.warning(
                "%d calls did not end in time; they are made again at the next start", self._work.sender.in_flight
            )

    async def kill(self) -> None:
        """Drop everything without another commit, as a crash would."""
        self._work.stop()
        await self._drop()

    async def _drop(self) -> None:
        store, self._store = self._store, None
        if store is None:
            return
        self._refuse_all(self.failed or StoreFailed("the engine has closed", remedy="open it again"))
        await self.housekeeping.close()
        self._work.shelf.close()
        try:
            await self._work.journal.writer.close()
            await self._work.sender.close()
        finally:
            self._work.journal.watchdog.close()
            store.close()

    def _refuse_all(self, error: StoreFailed) -> None:
        """Fail everybody who waits for the engine."""
        self._work.waiters.fail_all(error)
        self._intake.refuse(error)

    def _do(self, act: Callable[[], None]) -> asyncio.Future[None]:
        """Return a future that is done once what `act` caused is on disk, or fails with what it raised."""
        if not self._work.open:
            raise self._closed()
        return self._intake.do(act)

    def _on_commit(self) -> None:
        self._commits += 1
        self._changed.set()
        if self.on_commit is not None:
            try:
                self.on_commit(self._commits)
            except BaseException:
                # As a crash here would: nothing of what is in memory is said or done any more.
                self._stop_at_once(StoreFailed("the engine was killed", remedy="open it again"))
                raise

    def _on_failed(self, error: StoreFailed) -> None:
        if self.failed is None:
            log.error("the engine stops: %s", error)
            self.failed = error
            self._stop_at_once(error)

    def _stop_at_once(self, error: StoreFailed) -> None:
        self._work.stop()
        for live in self._work.shelf.all():
            self._work.shelf.remove(live)
        self._refuse_all(error)
        self._changed.set()

    # What callers ask for.

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
        """Start a run, or find that it exists with the same input; returns once it is on disk.

        Raises:
            RunExists: it exists with another input.
            LimitExceeded: the input, the id or a name is too large.
            InputInvalid: the id or a name is no text that can be stored.
        """
        del on_close  # the journal of the run that starts it has this
        check_start(run_id, data, behalf=behalf, key=queueing.key, limits=self._limits)
        begin = partial(self._work.begin, behalf=behalf, within_ms=within_ms, queueing=queueing)
        work = self._work
        begun = self._do(partial(begin_or_find, work.shelf, self._ids, name=(workflow, run_id), data=data, begin=begin))
        self._work.shelf.lookups.expect(workflow, run_id)
        await begun

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for the end of a run and return its result.

        Raises:
            RunFailed: it failed, was cancelled or terminated.
            RunNotFound: there is none.
        """
        live = self._work.shelf.loaded(workflow, run_id)
        if live is not None:
            return await self._work.waiters.wait(live.key)
        row = self._row(workflow, run_id)
        if RunStatus(row.status).is_open:
            if not self._work.open:
                raise self._closed()
            return await self._work.waiters.wait(row.key)
        return Waiters.outcome(RunStatus(row.status), result=row.result or b"", reason=row.reason)

    def _row(self, workflow: str, run_id: str) -> RunRow:
        self._open_store()
        return self._work.shelf.row(workflow, run_id)

    def _open_store(self) -> Store:
        if self._store is None:
            raise self._closed()
        return self._store

    def _closed(self) -> StoreFailed:
        return self.failed or StoreFailed("the engine is closed", remedy="open it first")

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message; returns once it is on disk. Messages of one id are told once.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
            LimitExceeded: the message is too large, or too many wait.
        """
        told = Told(kind, data, message_id or self._ids.new_id())
        await self._do(partial(self._work.post.send, workflow, run_id, told, fresh=not message_id))

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer; asked again with the same id it gets the same answer.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended, or ended without an answer.
            LimitExceeded: the update is too large, or too many wait.
            ValueInvalid: it is not what its class says.
        """
        told = Told(kind, data, message_id or self._ids.new_id())
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        asked = Asked(workflow, run_id, told, not message_id, answer)
        return await self._work.post.wait(asked, self._do(partial(self._work.post.ask, asked)))

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run last showed under a name, or nothing if it has shown nothing yet.

        Raises:
            RunNotFound: there is none.
        """
        live = self._work.shelf.loaded(workflow, run_id)
        key = live.key if live is not None else self._row(workflow, run_id).key
        return self._open_store().state(key, state)

    async def cancel(self, workflow: str, run_id: str, reason: str = "", *, who: str = "") -> None:
        """Ask a run to cancel; returns once the request is on disk. A run that has ended is left as it is.

        Raises:
            RunNotFound: there is none.
        """
        await self._do(partial(self._cancel, workflow, run_id, CancelAsked(who, reason)))

    def _cancel(self, workflow: str, run_id: str, asked: CancelAsked) -> None:
        with suppress(RunClosed):
            self._work.journal.accept(self._work.shelf.live(workflow, run_id), asked)

    async def delete(self, workflow: str, run_id: str, *, who: str = "", why: str = "") -> None:
        """Delete a run that has ended; from then on its id can be used again.

        Raises:
            RunNotFound: there is none.
            RunOpen: it has not ended.
        """
        await self._do(partial(self.housekeeping.delete, workflow, run_id, who=who, why=why))

    async def list(self, *, workflow: str | None = None, limit: int = 100) -> list[RunView]:
        """Return runs, newest first."""
        return [view_of(row) for row in self._open_store().list_runs(workflow=workflow, limit=limit)]

    async def show(self, workflow: str, run_id: str, *, epoch: int | None = None) -> RunStory:
        """Return the story of one run; with an epoch, as it stood at the end of that.

        Raises:
            RunNotFound: there is none, or it had no such epoch.
        """
        return story_of(self._open_store(), self._row(workflow, run_id), epoch=epoch)

    # What a test on a virtual clock asks: whether anything can happen without time passing.

    def is_quiet(self, parked: int = 0) -> bool:
        """Tell whether no call is in flight but the parked ones, no commit pending and no work waiting."""
        work = self._work
        if not self._intake.is_empty or work.waiters.waking or work.sender.is_busy or work.queue.is_busy:
            return False
        return work.sender.in_flight <= parked + self._waiting_calls() and not work.journal.writer.pending

    @property
    def parked(self) -> Container[str]:
        """Return the ids of the calls that wait for a run."""
        return self._work.waiters.parked

    def _waiting_calls(self) -> int:
        """Return how many calls under way wait for a run: nothing happens in them until that goes on."""
        return self._work.sender.count_of(self.parked)

    async def until_changed(self) -> None:
        """Wait for the next end of a call or commit."""
        self._changed.clear()
        await self._changed.wait()
