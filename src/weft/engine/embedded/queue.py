"""Runs that wait for their turn: rows until they begin, counted against the limits of their workflow, let in fairly."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import Context
from functools import partial

from weft.clock import Clock, to_datetime
from weft.engine.embedded import queue_rows
from weft.engine.embedded.epochs import note_beginning
from weft.engine.embedded.journal import UNANSWERED, Journal
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.places import Places
from weft.engine.embedded.queue_rows import Line, QueueChanges, Queued, Stand
from weft.engine.embedded.rows import EntryRow
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.timetable import Timetable
from weft.errors import StoreFailed
from weft.model.queueing import HIGHEST_PRIORITY, NO_LIMIT, AtOnce, Queueing
from weft.model.run import RunStatus

AT_ONCE = 256
"""Runs of one workflow that begin before the loop gets a turn."""

FOR_A_PLACE = "waiting for a place"
"""Why a run that could begin has not begun."""

UNKNOWN = AtOnce(total=1)
"""Of a workflow that the System has no more: the first of those who wait is blocked and says so, the others wait."""


def until(at_ms: int) -> str:
    """Say why a run that begins later has not begun."""
    return f"waiting until {to_datetime(at_ms).isoformat(timespec='milliseconds')}"


class Queue:
    """Lets runs begin when their time has come and their workflow has a place for them.

    Who waits is on disk only, and so is the order: what is in memory is how many are at work, by workflow and key, and
    what the commits under way change. Acts are in plain callbacks.

    Attributes:
        limits: by workflow; those that are missing have none.
        is_busy: runs are about to begin.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        shelf: Shelf,
        *,
        timetable: Timetable,
        broken: Callable[[StoreFailed], None],
    ) -> None:
        self._clock = clock
        self._broken = broken
        self._closed = False
        self._journal = journal
        self._shelf = shelf
        self._timetable = timetable
        self.limits: dict[str, AtOnce] = {}
        self.is_busy = False
        self._known: set[str] = set()
        self._places: dict[str, Places] = {}
        self._under_way: list[QueueChanges] = []
        self._wanted: set[str] = set()
        self._entering: dict[int, Queued] = {}
        self._ticket = 1

    async def open(
        self, declared: Mapping[str, AtOnce], commit: Callable[[Callable[[], None]], Awaitable[None]]
    ) -> None:
        """Count who is at work, and let in who may.

        Args:
            declared: what the code says of every workflow.
            commit: does something and waits until it is on disk.
        """
        store = self._shelf.store
        self.limits = {name: each for name, each in declared.items() if each}
        changed = queue_rows.unlike(declared, queue_rows.limits(store))
        if changed:
            await commit(lambda: self._changes().limits.update(changed))
        self._ticket = queue_rows.last_ticket(store) + 1
        self._known = queue_rows.with_places(store) | set(self.limits)
        lined = queue_rows.with_lines(store)
        for workflow in {*self.limits, *lined}:
            limits = declared.get(workflow, UNKNOWN)
            counts = Counter(queue_rows.placed(store, workflow))
            self._places[workflow] = Places(limits, counts, counts.total(), waiting=workflow in lined)
        for workflow in lined:
            self._want(workflow)

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True

    # Starts.

    def stand(self, workflow: str, queueing: Queueing) -> Queued:
        """Return where a run stands that is started now."""
        key, priority, at_ms, _ = queueing
        if at_ms is not None and at_ms > self._clock.now_ms():
            return Queued(key, priority, Stand.LATER)
        return Queued(key, priority, Stand.PLACED if self._may_begin(workflow, key) else Stand.WAITING)

    def _may_begin(self, workflow: str, key: str) -> bool:
        places = self._places.get(workflow)
        if places is None or (places.limits.total is None and not key):
            return True
        return places.has_room(key) and not places.waiting

    def placed(self, live: LiveRun, queued: Queued) -> None:
        """Note a run that begins at once."""
        workflow = live.identity.workflow
        if not self._counts(workflow, queued.key):
            return
        self._changes().rows.append((live.key, workflow, *queued[:2], int(queued.stand)))
        live.queued = queued
        self._take(workflow, queued.key)

    def hold(self, live: LiveRun, started: bytes, *, queued: Queued, at_ms: int | None) -> None:
        """Keep a new run until its turn comes; its row and its start are written by then."""
        now_ms = self._clock.now_ms()
        batch = self._journal.writer.batch
        execution, live.execution = live.execution, None
        if execution is not None:
            execution.evict()
        live.held, live.queued = True, queued
        live.next_seq, live.last_ms = 1, now_ms
        batch.entries.append((live.key, 0, now_ms, started, UNANSWERED))
        self._changes().rows.append((live.key, live.identity.workflow, *queued[:2], int(queued.stand)))
        if queued.stand is Stand.LATER and at_ms is not None:
            self._say(live, at_ms, until(at_ms))
            self._timetable.sleep(live.key, at_ms)
        else:
            self._join(live, queued)
        self._journal.hold(live)

    def _say(self, live: LiveRun, wake_ms: int | None, reason: str) -> None:
        live.saved = (RunStatus.WAITING, wake_ms, reason)
        self._journal.writer.batch.updates[live.key] = (RunStatus.WAITING, wake_ms, None, reason, None)

    def _join(self, live: LiveRun, queued: Queued) -> None:
        workflow = live.identity.workflow
        changes = self._changes()
        changes.joined.setdefault((workflow, queued.key, queued.priority), self._next_ticket())
        places = self._places[workflow]
        changes.full[(workflow, queued.key)] = places.is_full(queued.key)
        places.waiting = True
        live.queued = queued._replace(stand=Stand.WAITING)
        self._say(live, None, FOR_A_PLACE)

    def due(self, live: LiveRun) -> None:
        """Let a run begin whose time has come, or let it wait for a place."""
        queued = live.queued
        if live.gone or live.over or not live.held or queued is None or queued.stand is not Stand.LATER:
            return
        if live.pending:
            self._journal.writer.after_commit(partial(self.due, live))
            return
        if self._may_begin(live.identity.workflow, queued.key):
            self._admit(live.identity.workflow, live.key, queued)
        else:
            self._changes().stands[live.key] = Stand.WAITING
            self._join(live, queued)
            self._journal.hold(live)

    # Loads and ends.

    def entries(self, live: LiveRun, rows: list[EntryRow]) -> list[EntryRow]:
        """Return the entries that a run is told which has been told nothing, with their times; none before its turn.

        Raises:
            EntryCorrupt: its start cannot be read.
        """
        note_beginning(live, rows)
        queued = self._entering.pop(live.key, None)
        if queued is not None:
            return self._enter(live, rows, queued)
        queued = queue_rows.queued(self._shelf.store, live.key)
        if queued is None or queued.stand is Stand.PLACED:
            return rows  # it could not be told its start: it is, or was, blocked
        live.held, live.queued = True, queued
        live.next_seq, live.first_seq, live.last_ms = rows[-1].seq + 1, rows[0].seq, rows[-1].at_ms
        return []

    def _enter(self, live: LiveRun, rows: list[EntryRow], queued: Queued) -> list[EntryRow]:
        now_ms = self._clock.now_ms()
        self._changes().told.update({(live.key, row.seq): now_ms for row in rows})
        if self._counts(live.identity.workflow, queued.key):
            live.queued = queued._replace(stand=Stand.PLACED)
        return [row._replace(at_ms=now_ms) for row in rows]

    def ended(self, live: LiveRun) -> None:
        """Free what a run has that ends, in the transaction of its end."""
        workflow = live.identity.workflow
        if live.queued is None and workflow not in self._known:
            return
        queued = live.queued or queue_rows.queued(self._shelf.store, live.key)
        if queued is None:
            return
        changes = self._changes()
        changes.over.append(live.key)
        changes.gone.add(live.key)
        live.queued = None
        if queued.stand is Stand.PLACED:
            self._free(workflow, queued.key)
        elif queued.stand is Stand.WAITING:
            changes.left.add((workflow, queued.key, queued.priority))

    def _counts(self, workflow: str, key: str) -> bool:
        limits = self.limits.get(workflow, NO_LIMIT)
        return bool(key) or limits.total is not None

    def _take(self, workflow: str, key: str) -> None:
        self._known.add(workflow)
        places = self._places.get(workflow)
        if places is not None:
            places.take(key)
            if places.is_full(key):
                self._changes().full[(workflow, key)] = True

    def _free(self, workflow: str, key: str) -> None:
        places = self._places.get(workflow)
        if places is None:
            return
        if places.is_full(key):
            self._changes().full[(workflow, key)] = False
        places.free(key)
        if places.waiting:
            self._want(workflow)

    # Letting in.

    def _changes(self) -> QueueChanges:
        """Return what the next commit writes about the queue."""
        batch = self._journal.writer.batch
        if batch.queue is None:
            batch.queue = QueueChanges()
            self._under_way.append(batch.queue)
            self._journal.writer.after_commit(partial(self._written, batch.queue))
        return batch.queue

    def _written(self, changes: QueueChanges) -> None:
        self._under_way.remove(changes)
        for workflow in {line[0] for line in changes.joined} | {name for name, _ in changes.full}:
            self._want(workflow)

    def _want(self, workflow: str) -> None:
        """Look soon who may begin."""
        places = self._places.get(workflow)
        if places is None or not places.waiting:
            return
        self._wanted.add(workflow)
        if not self.is_busy:
            self.is_busy = True
            asyncio.get_running_loop().call_soon(self._let_in, context=Context())

    def _let_in(self) -> None:
        self.is_busy = False
        wanted, self._wanted = self._wanted, set()
        try:
            for workflow in wanted:
                if not self._closed:
                    self._let_in_some(workflow, self._places[workflow])
        except StoreFailed as error:
            self._broken(error)
            return
        self._journal.writer.schedule()

    def _let_in_some(self, workflow: str, places: Places) -> None:
        free = AT_ONCE if places.limits.total is None else min(AT_ONCE, places.limits.total - places.total)
        chosen = list(self._next(workflow, places, free))
        for run, queued in chosen:
            self._admit(workflow, run, queued)
        if len(chosen) == AT_ONCE:
            self._want(workflow)
        elif free > 0 and not chosen and not any(changes.joined for changes in self._under_way):
            places.waiting = queue_rows.has_lines(self._shelf.store, workflow)

    def _next(self, workflow: str, places: Places, free: int) -> Iterator[tuple[int, Queued]]:
        """Yield who begins next: the highest priority first, keys in turn, of one key the first that came."""
        gone = {run for changes in self._under_way for run in changes.gone}
        served = {line: ticket for changes in self._under_way for line, ticket in changes.served.items()}
        # What is on disk may still show lines that are left, and keys that are full.
        stale = sum(len(changes.left) + len(changes.full) for changes in self._under_way)
        taken: Counter[str] = Counter()
        below: int = HIGHEST_PRIORITY + 1
        while free > 0:
            priority = queue_rows.next_priority(self._shelf.store, workflow, below)
            if priority is None:
                return
            below = priority
            lines = queue_rows.lines(self._shelf.store, workflow, priority, limit=free + stale)
            turns = sorted((served.get((workflow, key, priority), ticket), key) for ticket, key in lines)
            size = max(1, -(-free // max(1, len(lines))))
            row = deque((key, self._runs((workflow, key, priority), gone, size)) for _, key in turns)
            while row and free > 0:
                key, runs = row.popleft()
                if key and places.limits.each_key and places.keys[key] + taken[key] >= places.limits.each_key:
                    continue
                run = next(runs, None)
                if run is not None:
                    taken[key] += 1
                    free -= 1
                    row.append((key, runs))
                    yield run, Queued(key, priority, Stand.WAITING)

    def _runs(self, line: Line, gone: set[int], size: int) -> Iterator[int]:
        """Yield the runs of a line, reading a few at a time."""
        after = 0
        while runs := queue_rows.waiting(self._shelf.store, line, after=after, limit=size + len(gone)):
            yield from (run for run in runs if run not in gone and self._is_at_rest(line[0], run))
            after = runs[-1]

    def _is_at_rest(self, workflow: str, run: int) -> bool:
        """Tell whether all that was written about a run is on disk; look again once it is."""
        live = self._shelf.at(run)
        if live is None or not live.pending:
            return True
        self._journal.writer.after_commit(partial(self._want, workflow))
        return False

    def _next_ticket(self) -> int:
        ticket, self._ticket = self._ticket, self._ticket + 1
        return ticket

    def _admit(self, workflow: str, run: int, queued: Queued) -> None:
        """Give a run its place, and let it begin."""
        changes = self._changes()
        if queued.stand is Stand.WAITING:
            line = (workflow, queued.key, queued.priority)
            changes.served[line] = self._next_ticket()
            changes.left.add(line)
            changes.gone.add(run)
        if self._counts(workflow, queued.key):
            changes.stands[run] = Stand.PLACED
            self._take(workflow, queued.key)
        else:
            changes.over.append(run)
        live = self._shelf.at(run)
        if live is not None:
            self._shelf.remove(live)  # what is on disk is all of it
        row = self._shelf.store.row(run)
        assert row is not None, "a run that waits has a row"
        self._entering[run] = queued
        try:
            self._shelf.load(row)
        finally:
            self._entering.pop(run, None)
        self._journal.writer.schedule()
