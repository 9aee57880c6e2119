"""A run's journal as a story: one line for each thing that happened, and what the run waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from weft.engine.embedded.epochs import of_epoch
from weft.engine.embedded.queue_rows import Rows, Stand, limit_of, queued
from weft.engine.embedded.store import EntryRow, RunRow
from weft.engine.execution.commands import decode_commands
from weft.engine.execution.entries import decode_entry
from weft.engine.execution.story import Teller, waiting_for
from weft.model.run import RunStatus, RunStory, RunView

_NONE: Mapping[str, object] = {}


class Journalled(Rows, Protocol):
    """Where a run's journal and the failures of its calls are read."""

    def journal(self, key: int, *, generation: int = 0) -> list[EntryRow]:
        """Return the journal's rows in order, those of the last generation if it is not the first."""
        ...

    def attempts(self, key: int) -> Mapping[str, tuple[int, str, int | None]]:
        """Return (attempts, last failure, next attempt's time) by call path."""
        ...


def view_of(row: RunRow, attributes: Mapping[str, object] = _NONE) -> RunView:
    """Return what a list shows of a run, with its attributes by name."""
    return RunView(
        row.workflow,
        row.run_id,
        RunStatus(row.status),
        row.created_ms,
        row.ended_ms,
        row.tenant,
        row.reason,
        row.generation,
        attributes,
    )


def story_of(store: Journalled, row: RunRow, *, epoch: int | None = None) -> RunStory:
    """Return the story of a run.

    Args:
        store: where its journal is read.
        row: the run.
        epoch: how it stood at the end of this one, of those of its present generation; nothing for the present one.

    Raises:
        EntryCorrupt: a row of its journal does not parse.
        RunNotFound: it had no such epoch.
    """
    teller = Teller()
    rows = store.journal(row.key, generation=row.generation)
    if row.epoch or epoch:
        rows = of_epoch(rows, now=row.epoch, epoch=row.epoch if epoch is None else epoch)
    for entry in rows:
        teller.told(decode_entry(entry.entry), entry.at_ms)
        for command in decode_commands(entry.commands) if entry.commands else ():
            teller.answered(command, entry.at_ms)
    failures = store.attempts(row.key)
    for path, (count, failure, _) in failures.items():
        teller.failing(path, count, failure)
    view = view_of(row)
    said = _waiting_for_its_turn(store, row) if view.status is RunStatus.WAITING and view.reason else ""
    # What a failed run keeps there is its refusal, which `reason` says in words.
    result = row.result if view.status is RunStatus.COMPLETED else None
    return RunStory(view, tuple(teller.rows), said or waiting_for(view, teller, failures), result)


def _waiting_for_its_turn(store: Rows, row: RunRow) -> str:
    """Say in one sentence why a run has not begun; nothing if it has, meanwhile."""
    turn = queued(store, row.key)
    if turn is None or turn.stand is Stand.PLACED:
        return ""
    mark = f"key {turn.key}, priority {turn.priority}" if turn.key else f"priority {turn.priority}"
    if turn.stand is Stand.LATER:
        return f"It is {row.reason}, when it begins ({mark})."
    total, each_key = limit_of(store, row.workflow)
    said = ((total, row.workflow), (each_key, "one key"))
    limits = " and ".join(f"{limit:,} of {whose}" for limit, whose in said if limit is not None)
    return f"It is {row.reason}: {limits or 'any number'} may be at work at once ({mark})."
