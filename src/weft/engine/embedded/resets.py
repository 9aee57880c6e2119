"""Resets: a run is cut after a step, and goes on from there in a new epoch; one transaction decides."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from weft.clock import Clock
from weft.engine.embedded.batch import Statement
from weft.engine.embedded.cuts import Cut, Effects, check_effects, cut_at
from weft.engine.embedded.epochs import effective, resets_in, start_of
from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import IN_FLIGHT, LiveRun
from weft.engine.embedded.rows import EntryRow, RunRow
from weft.engine.embedded.shelf import Shelf
from weft.engine.execution.commands import decode_commands
from weft.engine.execution.entries import Reset, decode_entry, storable
from weft.engine.execution.execution import Identity
from weft.errors import InputInvalid, ResetRefused, StoreFailed, WeftError
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

EPOCHS = Statement("UPDATE runs SET epoch = column2 FROM", 2, "WHERE runs.key = column1")
STATES_OVER = Statement("DELETE FROM states WHERE (run, name) IN (SELECT column1, column2 FROM", 2, ")")

Settled = Callable[[WeftError | None], None]
"""Told once whether the reset is in the next transaction, or why there is none."""


class ResetAsked(NamedTuple):
    """What an operator wants: which run, after which step, what becomes of the effects since, who and why."""

    workflow: str
    run_id: str
    step: str
    effects: Effects
    who: str
    why: str


class Resets:
    """Cuts runs; called in plain callbacks only."""

    def __init__(self, journal: Journal, shelf: Shelf, *, clock: Clock, reload: Callable[[LiveRun], None]) -> None:
        self._journal = journal
        self._shelf = shelf
        self._clock = clock
        self._reload = reload

    def begin(self, asked: ResetAsked, settled: Settled) -> None:
        """Reset a run once all that is on its way to the disk for it is there."""
        live = self._shelf.loaded(asked.workflow, asked.run_id)
        writer = self._journal.writer
        if live is not None and (live.pending or live.over):
            writer.after_commit(partial(self.begin, asked, settled), settled)
            writer.schedule()
            return
        try:
            self._reset(asked, self._shelf.row(asked.workflow, asked.run_id))
        except StoreFailed:
            raise
        except WeftError as error:
            settled(error)
        else:
            settled(None)
            writer.schedule()

    def _reset(self, asked: ResetAsked, row: RunRow) -> None:
        if not asked.why.strip():
            raise InputInvalid("a reset needs a reason", remedy="say why: --reason TEXT")
        whole = self._shelf.store.journal(row.key, generation=row.generation)
        rows = effective(whole)
        first = row.epoch - resets_in(whole)
        cut = cut_at(rows, asked.step, epoch=first)
        self._check(asked, row, rows, cut=cut, first=first)
        self._write(asked, row, whole, cut=cut)

    def _check(self, asked: ResetAsked, row: RunRow, rows: list[EntryRow], *, cut: Cut, first: int) -> None:
        check_effects(cut, self._journal.operations, asked.effects)
        started = start_of(rows[0])
        started = None if started is None else started.begun(rows[0].at_ms)
        if started is not None and started.deadline_ms is not None and started.deadline_ms <= self._clock.now_ms():
            what = "the deadline of the run has passed: it would be cancelled at once"
            raise ResetRefused(what, remedy="start another run, with a deadline of its own")
        self._try(row, rows[: cut.index], first=first)

    def _try(self, row: RunRow, before: list[EntryRow], *, first: int) -> None:
        """Replay what stays, without effects: today's code must come as far as the cut."""
        identity = Identity(row.workflow, row.run_id, row.chain, row.generation, first)
        execution = self._journal.execution(identity)
        try:
            for each in before:
                execution.replay(decode_entry(each.entry), each.at_ms, decode_commands(each.commands))
            is_undoing = execution.resetting is not None
        except WeftError as error:
            what = f"today's code does not come as far as the cut: {error}"
            raise ResetRefused(what, remedy="mend the code, or cut before the step that it does not know") from error
        finally:
            execution.evict()
        if is_undoing:
            raise ResetRefused(
                "an earlier reset was undoing effects then", remedy="cut before that reset, or after its undos"
            )

    def _write(self, asked: ResetAsked, row: RunRow, whole: list[EntryRow], *, cut: Cut) -> None:
        """Put the reset into one transaction; the run is loaded again, and goes on, once that is on disk."""
        before = self._shelf.at(row.key)
        if before is not None:
            self._shelf.remove(before)  # attempts under way are told nobody any more
        live = LiveRun(row.key, Identity(row.workflow, row.run_id, row.chain, row.generation, row.epoch + 1), None)
        live.next_seq, live.first_seq, live.last_ms = whole[-1].seq + 1, whole[0].seq, whole[-1].at_ms
        live.created_ms = row.created_ms
        live.blocked = "it is being reset"
        live.saved = live.standing()
        self._shelf.add(live)
        batch = self._journal.writer.batch
        batch.also.setdefault(EPOCHS, []).append((row.key, row.epoch + 1))
        batch.updates[row.key] = (RunStatus.RUNNING, IN_FLIGHT, None, "", None)
        batch.attempts_over.append(row.key)
        for name, data in cut.states.items():
            if data is None:
                batch.also.setdefault(STATES_OVER, []).append((row.key, name))
            else:
                batch.states[(row.key, name)] = data
        undos = tuple(cut.undoes) if asked.effects == "undo" else ()
        reset = Reset(
            cut.seq, cut.told, row.epoch + 1, asked.step, asked.who, storable(asked.why), undos, tuple(cut.children)
        )
        self._journal.tell(live, reset)
        for told in cut.messages:
            self._journal.tell(live, told)
        log.warning("run %s is reset after %s by %s: %s", live.name, asked.step, asked.who, asked.why)
        self._journal.writer.after_commit(partial(self._reload, live))


def check_step(rows: list[EntryRow], row: RunRow, step: str) -> None:
    """Raise what can be known of a reset without the code: for a process that only reads the store.

    Raises:
        ResetRefused: the journal cannot be cut there.
        EntryCorrupt: it cannot be read.
    """
    cut_at(effective(rows), step, epoch=row.epoch - resets_in(rows))
