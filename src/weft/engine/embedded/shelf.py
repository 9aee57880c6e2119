"""Which runs are in memory: loaded when something comes for them, put back on disk when nothing does."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from weft.engine.embedded.epochs import effective, resets_in
from weft.engine.embedded.journal import UNANSWERED, Journal
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.lookups import Lookups
from weft.engine.embedded.store import EntryRow, RunRow, Store
from weft.engine.embedded.timetable import Timetable
from weft.engine.execution.entries import Started, decode_entry
from weft.engine.execution.execution import Identity
from weft.engine.execution.scopes import CallRecord
from weft.errors import EntryCorrupt, RunClosed, RunNotFound
from weft.ids import digest
from weft.model.call import Behalf
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

IDLE_AT_MOST = 10_000
"""Idle runs kept in memory at most."""

SWEEP_S = 1.0
"""Real seconds between looks for idle runs; what was idle at two looks leaves memory."""


class Turns(Protocol):
    """Who knows whether a run's turn has come."""

    def entries(self, live: LiveRun, rows: list[EntryRow]) -> list[EntryRow]:
        """Return the entries that a run is told which has been told nothing, with their times; none before its turn.

        Raises:
            EntryCorrupt: its start cannot be read.
        """
        ...


class Shelf:
    """The loaded runs by key and by name, and the idle ones in the order in which they became idle."""

    def __init__(
        self, journal: Journal, timetable: Timetable, *, resume: Callable[[LiveRun, list[CallRecord]], None]
    ) -> None:
        self._journal = journal
        self._timetable = timetable
        self._resume = resume
        self._store: Store | None = None
        self._turns: Turns
        self.lookups = Lookups()
        self._by_key: dict[int, LiveRun] = {}
        self._by_name: dict[tuple[str, str], LiveRun] = {}
        self._idle: OrderedDict[int, LiveRun] = OrderedDict()
        self._seen_idle: set[int] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._by_key)

    def open(self, store: Store) -> None:
        """Begin to load runs."""
        self._store = store

    @property
    def store(self) -> Store:
        """Return the store, which is there while the engine is open."""
        assert self._store is not None, "the engine is open"
        return self._store

    def use(self, turns: Turns) -> None:
        """Ask this one about runs that have been told nothing."""
        self._turns = turns

    def add(self, live: LiveRun) -> None:
        """Put a run that has begun into memory."""
        self._by_key[live.key] = live
        self._by_name[live.identity[:2]] = live

    def remove(self, live: LiveRun) -> None:
        """Take a run out of memory."""
        live.leave()
        self._timetable.forget(live, live.timers)
        self._by_key.pop(live.key, None)
        self._by_name.pop(live.identity[:2], None)
        self._idle.pop(live.key, None)

    def loaded(self, workflow: str, run_id: str) -> LiveRun | None:
        """Return a run if it is in memory."""
        return self._by_name.get((workflow, run_id))

    def expected(self, workflow: str, run_id: str) -> RunRow | None:
        """Return a run as it stands on disk that `lookups` was told to expect."""
        return self.lookups.find(self.store, workflow, run_id)

    def is_loaded(self, key: int) -> bool:
        """Tell whether a run is in memory."""
        return key in self._by_key

    def at(self, key: int) -> LiveRun | None:
        """Return the run of a key if it is in memory."""
        return self._by_key.get(key)

    def all(self) -> list[LiveRun]:
        """Return every loaded run."""
        return list(self._by_key.values())

    def load(self, row: RunRow) -> LiveRun:
        """Replay an open run from its journal and let it go on; call it from a plain callback only."""
        identity = Identity(row.workflow, row.run_id, row.chain, row.generation, row.epoch)
        live = LiveRun(row.key, identity, None, behalf=Behalf(row.tenant))
        live.created_ms = row.created_ms
        live.saved = (row.status, row.wake_ms, row.reason)
        self.add(live)
        try:
            rows = self.store.journal(row.key, generation=row.generation)
            if row.generation:
                live.input_digest = self.first_input(row.key)
            if rows and rows[0].commands == UNANSWERED:
                rows = self._turns.entries(live, rows)
        except EntryCorrupt as error:
            live.sealed = error
            self._journal.block(live, error)
            self._journal.save_standing(live)
            return live
        if live.held:
            self.touch(live)
            return live
        untold = self._load(live, rows) if row.epoch else self._journal.load(live, rows)
        if live.execution is not None:
            # What came while the run was blocked is told first: it may hold the outcome of a call.
            calls = list(live.execution.calls.open())
            self._journal.catch_up(live, untold)
            self._resume(live, calls)
        self._journal.save_standing(live)
        self.touch(live)
        return live

    def _load(self, live: LiveRun, whole: list[EntryRow]) -> list[EntryRow]:
        """Replay a run that was reset: the entries that count."""
        live.resets = resets_in(whole)
        untold = self._journal.load(live, effective(whole))
        live.first_seq = whole[0].seq if whole else 0
        return untold

    def first_input(self, key: int) -> bytes:
        """Return the digest of the input that a run was first started with."""
        first = [decode_entry(row.entry) for row in self.store.entries(key, since=0, until=1)]
        return digest(first[0].input) if first and isinstance(first[0], Started) else b""

    def row(self, workflow: str, run_id: str) -> RunRow:
        """Return a run's row.

        Raises:
            RunNotFound: there is none.
        """
        row = self.store.find(workflow, run_id)
        if row is None:
            what = f"there is no run {workflow}/{run_id}"
            raise RunNotFound(what)
        return row

    def live(self, workflow: str, run_id: str) -> LiveRun:
        """Return an open run, loaded; call it from a plain callback only.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
        """
        live = self.loaded(workflow, run_id)
        if live is not None:
            if live.over:
                what = f"run {workflow}/{run_id} has ended"
                raise RunClosed(what)
            return live
        row = self.row(workflow, run_id)
        if not RunStatus(row.status).is_open:
            what = f"run {workflow}/{run_id} has ended: {RunStatus(row.status).label}"
            raise RunClosed(what, status=row.status)
        return self.load(row)

    def wake(self, key: int) -> None:
        """Load a run that is due."""
        if key in self._by_key:
            return
        row = self.store.row(key)
        if row is not None and RunStatus(row.status).is_open:
            self.load(row)

    def touch(self, live: LiveRun) -> None:
        """Look whether a run is idle: nothing under way, so that only time or a message wakes it."""
        execution = live.execution
        if live.gone or live.over or (not live.held if execution is None else live.calls or len(execution.calls)):
            if live.key in self._idle:
                del self._idle[live.key]
            return
        self._idle[live.key] = live
        self._idle.move_to_end(live.key)
        self._seen_idle.discard(live.key)
        if len(self._idle) > IDLE_AT_MOST:
            self._put_back(next(iter(self._idle.values())))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._look_for_idle)

    def _look_for_idle(self) -> None:
        self._sweep = None
        for key in list(self._idle):
            if key in self._seen_idle:
                self._put_back(self._idle[key])
        self._seen_idle = set(self._idle)
        if self._idle:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._look_for_idle)

    def _put_back(self, live: LiveRun) -> None:
        self._seen_idle.discard(live.key)
        self._idle.pop(live.key, None)
        # Its row is all that will wake it: one that says something else would leave it asleep for ever.
        self._journal.save_standing(live)
        if live.pending or (live.execution is None and not live.held):
            return
        wake_ms = None if live.held else live.saved[1]  # the timetable has it, or finds it on disk
        self.remove(live)
        self._timetable.sleep(live.key, wake_ms)

    def put_back_idle(self) -> None:
        """Put every idle run back on disk now."""
        for live in list(self._idle.values()):
            self._put_back(live)

    def close(self) -> None:
        """Drop everything."""
        if self._sweep is not None:
            self._sweep.cancel()
        for live in self.all():
            self.remove(live)
        self._store = None
