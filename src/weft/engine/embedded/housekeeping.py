"""Housekeeping: what has ended goes when its time is over, in small parts, and services forget it first or with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Protocol

from weft.clock import Clock
from weft.engine.embedded import deleting
from weft.engine.embedded.batch import AGES, Batch
from weft.engine.embedded.finding import Finder
from weft.engine.embedded.statements import Statement
from weft.engine.embedded.store import Store
from weft.errors import RunNotFound, RunOpen, StoreFailed, WeftError
from weft.model.policy import Retention
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

TICK_S = 1.0
"""Real seconds between looks whether there is anything to do."""

PAUSE_S = 0.01
"""Real seconds between two parts of what there is to do: others have their turns."""

RUNS_AT_ONCE = 200
"""Runs that are deleted, or forgotten, in one part."""

ENTRIES_AT_ONCE = 1_000
"""Entries of journals that are deleted in one part."""

BLOCKS_AT_ONCE = 100
"""Blocks of keys whose ages are written down in one part."""

MILLISECOND = timedelta(milliseconds=1)


class Memory(Protocol):
    """What remembers the calls of runs: a service's database."""

    async def forget_runs(self, chains: Iterable[str]) -> int:
        """Forget the calls of runs that are closed for good."""
        ...


class Shelved(Protocol):
    """Who knows which runs are in memory."""

    def loaded(self, workflow: str, run_id: str) -> object | None:
        """Return a run if it is in memory."""
        ...

    def is_loaded(self, key: int) -> bool:
        """Tell whether a run is in memory."""
        ...


class Housekeeping:
    """Deletes what has ended, and lets services forget it; does nothing to anything that is open.

    A run goes in one transaction, after which its id can be used again; a row stays that knows its chain. Its journal
    follows in parts. Services forget its calls once the longest delivery delay has passed, and only then the row goes:
    a crash at any point leaves either the run or the row, so nothing is forgotten that is not closed, and nothing is
    left that nobody knows of.

    Attributes:
        retention: how long is kept what has ended.
        memories: where calls are remembered.
    """

    def __init__(self, shelf: Shelved, clock: Clock, *, do: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        self.retention = Retention()
        self.memories: Sequence[Memory] = ()
        self._shelf = shelf
        self._clock = clock
        self._do = do
        self._store: Store | None = None
        self._batch: Callable[[], Batch] | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, store: Store, batch: Callable[[], Batch]) -> None:
        """Begin to look."""
        self._store = store
        self._batch = batch
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Look no more; what is half done goes on at the next start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                while await self.sweep():  # noqa: ASYNC110 - nothing tells of what is left to do but looking
                    await asyncio.sleep(PAUSE_S)
            except StoreFailed:
                return  # who waits for the store has been told
            except WeftError as error:
                log.warning("housekeeping waits: %s", error)

    def delete(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """Delete a run that has ended; only in a plain callback.

        Raises:
            RunNotFound: there is none.
            RunOpen: it has not ended, or its end is not on disk yet.
        """
        row = self._opened.find(workflow, run_id)
        if self._shelf.loaded(workflow, run_id) is not None or (row is not None and RunStatus(row.status).is_open):
            what = f"run {workflow}/{run_id} has not ended"
            raise RunOpen(what, remedy="cancel or terminate it first, and wait for its end")
        if row is None:
            what = f"there is no run {workflow}/{run_id}"
            raise RunNotFound(what)
        log.info("run %s/%s is deleted by %s: %s", workflow, run_id, who or "nobody named", why or "no reason given")
        deleting.delete(self._written, [deleting.deleted(row)])

    async def sweep(self) -> bool:
        """Do one part of everything there is to do; tell whether there is more.

        Raises:
            StoreFailed: the store could not be read or written.
            WeftError: a service's database could not forget; what it still knows is tried again.
        """
        store = self._opened
        more = await self._write_ages(store)
        more |= await self._expire(store)
        more |= await self._purge(store)
        more |= await self._forget_deleted(store)
        for number in store.workflow_names():
            more |= await self._forget_kept(store, number)
        return more

    async def _write_ages(self, store: Store) -> bool:
        ages = Finder(store).unwritten_ages(BLOCKS_AT_ONCE)
        if ages:
            await self._write({AGES: ages})
        return len(ages) == BLOCKS_AT_ONCE

    async def _expire(self, store: Store) -> bool:
        """Delete runs that have been kept long enough."""
        more = False
        for number, name in store.workflow_names().items():
            keep = self.retention.of(name)
            if keep is None:
                continue
            rows = store.select(deleting.EXPIRED, (number, self._before_ms(keep), RUNS_AT_ONCE))
            if rows:
                await self._do(partial(self._delete_all, rows))
            more |= len(rows) == RUNS_AT_ONCE
        return more

    def _delete_all(self, rows: list[tuple[int, str, int]]) -> None:
        # Since they were read one may have been reset: what is in memory is open, or about to be.
        closed = [row for row in rows if not self._shelf.is_loaded(row[0])]
        deleting.delete(self._written, closed)

    async def _purge(self, store: Store) -> bool:
        """Delete journals of runs that are gone."""
        entries: list[tuple[int]] = []
        purged: list[tuple[int]] = []
        for (run,) in store.select(deleting.UNPURGED, (RUNS_AT_ONCE,)):
            room = ENTRIES_AT_ONCE - len(entries)
            found = store.select(deleting.ENTRIES_LEFT, (run, room))
            entries += found
            if len(found) == room:
                break
            purged.append((run,))
        if entries or purged:
            await self._write({deleting.JOURNAL_GONE: entries, deleting.PURGED: purged})
        return bool(entries or purged)

    async def _forget_deleted(self, store: Store) -> bool:
        """Let services forget the calls of runs that are gone, and then forget the runs."""
        before_ms = self._before_ms(self.retention.delivery)
        rows = store.select(deleting.UNFORGOTTEN, (before_ms, RUNS_AT_ONCE))
        if rows:
            await self._forget([chain for _, chain in rows])
            await self._write({deleting.DONE: [(run,) for run, _ in rows]})
        return len(rows) == RUNS_AT_ONCE

    async def _forget_kept(self, store: Store, workflow: int) -> bool:
        """Let services forget the calls of runs that ended long ago and are kept."""
        if not self.memories:
            return False
        ended_ms, run = (store.select(deleting.FORGOTTEN_UP_TO, (workflow,)) or [(0, 0)])[0]
        before_ms = self._before_ms(self.retention.delivery)
        rows = store.select(deleting.KEPT, (workflow, ended_ms, before_ms, ended_ms, run, RUNS_AT_ONCE))
        if rows:
            await self._forget([chain for _, chain, _ in rows])
            key, _, ended_ms = rows[-1]
            await self._write({deleting.FORGOTTEN: [(workflow, ended_ms, key)]})
        return len(rows) == RUNS_AT_ONCE

    async def _forget(self, chains: list[str]) -> None:
        for memory in self.memories:
            await memory.forget_runs(chains)

    def _before_ms(self, kept: timedelta) -> int:
        return self._clock.now_ms() - kept // MILLISECOND

    async def _write(self, rows: dict[Statement, Sequence[tuple[object, ...]]]) -> None:
        def write() -> None:
            for statement, each in rows.items():
                self._written.also.setdefault(statement, []).extend(each)

        await self._do(write)

    @property
    def _opened(self) -> Store:
        assert self._store is not None, "housekeeping is done while the engine is open"
        return self._store

    @property
    def _written(self) -> Batch:
        assert self._batch is not None, "housekeeping is done while the engine is open"
        return self._batch()
