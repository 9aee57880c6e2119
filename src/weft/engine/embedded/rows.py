"""Rows as they are read from a store, checked."""

from __future__ import annotations

from typing import NamedTuple

from weft.errors import EntryCorrupt


class RunRow(NamedTuple):
    """One run as it stands on disk. Times are milliseconds since 1970.

    `wake_ms` is nothing for a run that waits for a message only, 0 for one with calls under way, else when its next
    timer or retry is due. `status` is a `RunStatus` in its number.
    """

    key: int
    workflow: str
    run_id: str
    chain: str
    generation: int
    epoch: int
    tenant: str
    status: int
    created_ms: int
    wake_ms: int | None
    ended_ms: int | None
    reason: str
    result: bytes | None


class EntryRow(NamedTuple):
    """One entry of a run's journal, with the commands it was answered with, both encoded."""

    seq: int
    at_ms: int
    entry: bytes
    commands: bytes


def checked(rows: list[tuple[object, ...]], *, run: int) -> list[EntryRow]:
    """Turn what SQLite read into the entries of one run.

    Raises:
        EntryCorrupt: a value has another type than was written, or an entry is missing between two others.
    """
    entries: list[EntryRow] = []
    expected: int | None = None
    for row in rows:
        match row:
            case (int() as seq, int() as at_ms, bytes() as entry, bytes() as commands):
                if expected is not None and seq != expected:
                    raise corrupt(run, expected, "the entry is missing")
                entries.append(EntryRow(seq, at_ms, entry, commands))
                expected = seq + 1
            case _:
                raise corrupt(run, row[0], "a column has a value of the wrong type")
    return entries


def corrupt(run: int, seq: object, what: str) -> EntryCorrupt:
    """Describe an entry that cannot be read; `seq` is nothing where it is not known which."""
    which = f"entry {seq}" if seq is not None else "an entry"
    return EntryCorrupt(f"{which} of run {run} cannot be read: {what}", run=run, seq=seq)
