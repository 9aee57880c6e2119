"""The epochs of a run: which entries of its journal count after resets, and what its first entry says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from weft.engine.embedded.children import children_at
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.rows import EntryRow
from weft.engine.execution.entries import RESET_MARK, Reset, Started, decode_entry
from weft.errors import RunNotFound
from weft.ids import digest


def is_reset(row: EntryRow) -> bool:
    """Tell whether an entry is a reset."""
    return row.entry.startswith(RESET_MARK, 1)


def resets_in(rows: Sequence[EntryRow]) -> int:
    """Return how often a generation was reset."""
    return sum(map(is_reset, rows))


def effective(rows: Sequence[EntryRow], *, resets: int | None = None) -> list[EntryRow]:
    """Return the entries that count: each reset takes those away from which it goes on, but not itself.

    Args:
        rows: the whole journal of a generation.
        resets: how many resets to look at, for the journal as it stood before the next one; nothing for all.
    """
    found: list[EntryRow] = []
    for row in rows:
        if is_reset(row):
            if resets == 0:
                break
            resets = None if resets is None else resets - 1
            cut = cast("Reset", decode_entry(row.entry)).cut
            while found and found[-1].seq >= cut:
                found.pop()
        found.append(row)
    return found


def of_epoch(rows: Sequence[EntryRow], *, now: int, epoch: int) -> list[EntryRow]:
    """Return the entries that counted at the end of an epoch.

    Args:
        rows: the whole journal of a generation.
        now: the run's present epoch.
        epoch: the one that is asked for.

    Raises:
        RunNotFound: this generation of the run had no such epoch.
    """
    first = now - resets_in(rows)
    if not first <= epoch <= now:
        what = f"this generation of the run has the epochs {first} to {now}, and no epoch {epoch}"
        raise RunNotFound(what, remedy="name one of them with --epoch")
    return effective(rows, resets=epoch - first)


def start_of(row: EntryRow) -> Started | None:
    """Return what a run, or its generation, was started with; also where it was reset to its start."""
    entry = decode_entry(row.entry)
    if isinstance(entry, Reset):
        entry = decode_entry(entry.told)
    return entry if isinstance(entry, Started) else None


def note_beginning(live: LiveRun, rows: Sequence[EntryRow]) -> Started | None:
    """Note what the first entry of a generation says of its run, and the children of old epochs; return the start."""
    started = start_of(rows[0]) if rows else None
    if started is not None:
        if not live.identity.generation:
            live.input_digest = digest(started.input)
        live.note_children(children_at(started))
        live.behalf = live.behalf._replace(principal=started.principal, trace=started.trace)
    if live.resets:
        for reset in _resets(rows):
            live.note_children(children_at(reset))
    return started


def _resets(rows: Sequence[EntryRow]) -> Iterator[Reset]:
    for row in rows:
        if is_reset(row):
            yield cast("Reset", decode_entry(row.entry))
