"""Stores with very many runs, written through the engine's own batches: copies of a run that the engine made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.question import progress
from benchmarks.steps import SYSTEM, five, host_in, naps, sleeps, store_url
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.rows import EntryRow, RunRow
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import TimerSet, decode_commands, encode_commands
from weft.model.run import RunStatus

RUNS_AT_ONCE = 5_000
TOLD_EVERY = 100_000
FIRST, MONTH_MS = "the first", 30 * 86_400_000


class Waking(NamedTuple):
    """When copies of a sleeper wake: evenly, from a time on, over a while; both in milliseconds."""

    from_ms: int
    over_ms: int


def fill(
    *, folder: str, finished: int = 0, asleep: int = 0, waking: dict[str, int] | None = None, copies: int = 0
) -> int:
    """Put copies of one finished and of two sleeping runs into the store of a folder; return its size in bytes.

    Args:
        folder: of the store.
        finished: copies of a five-step run that has ended.
        asleep: copies of a run that sleeps; they wake over a month.
        waking: the fields of a `Waking`: when copies of the run wake that makes a call then.
        copies: how many of those.
    """
    path = Path(folder) / "weft.db"
    asyncio.run(_one_of_each(Path(folder)))
    store = Store.open(path, system=SYSTEM.name, owner=True)
    try:
        _fill_with(store, five.name, finished)
        _fill_with(store, sleeps.name, asleep, waking=Waking(_now_ms() + MONTH_MS, MONTH_MS))
        if waking is not None:
            _fill_with(store, naps.name, copies, waking=Waking(**waking))
    finally:
        store.close()
    return path.stat().st_size


def _fill_with(store: Store, workflow: str, count: int, *, waking: Waking | None = None) -> None:
    row = store.find(workflow, FIRST)
    assert row is not None, f"{store_url(store.path.parent)} has one of each"
    journal = store.journal(row.key)
    for batch in _batches(row, journal, waking, first_key=store.max_key() + 1, count=count):
        store.write(batch)


def _now_ms() -> int:
    return int(time.time() * 1000)


async def _one_of_each(folder: Path) -> None:
    async with host_in(folder) as host:
        await (await host.start(five, 0, id=FIRST)).result()
        await host.start(sleeps, 0, id=FIRST)
        await host.start(naps, 0, id=FIRST)


def _batches(
    row: RunRow, journal: list[EntryRow], waking: Waking | None, *, first_key: int, count: int
) -> Iterator[Batch]:
    for first in range(0, count, RUNS_AT_ONCE):
        batch = Batch()
        for number in range(first, min(count, first + RUNS_AT_ONCE)):
            wake_ms = None if waking is None else waking.from_ms + number * waking.over_ms // count
            _copy(row, journal, batch, number=number, wake_ms=wake_ms, key=first_key + number)
        yield batch
        if (first + RUNS_AT_ONCE) % TOLD_EVERY == 0:
            progress(f"filling: {first + RUNS_AT_ONCE:,} runs of {row.workflow}")


def _copy(row: RunRow, journal: list[EntryRow], batch: Batch, *, number: int, wake_ms: int | None, key: int) -> None:
    name, chain = f"filled-{number:09}", f"{row.chain[:-9]}{number:09}"
    status = int(RunStatus.RUNNING)
    created_ms = row.created_ms
    batch.runs.append((key, row.workflow, name, chain, row.generation, row.epoch, row.tenant, status, created_ms, 0))
    batch.updates[key] = (row.status, wake_ms, row.ended_ms, row.reason, row.result)
    for entry in journal:
        commands = entry.commands if wake_ms is None else _due(entry.commands, wake_ms)
        batch.entries.append((key, entry.seq, entry.at_ms, entry.entry, commands))


def _due(commands: bytes, due_ms: int) -> bytes:
    """Return the commands with another time for the timer, as another run would have recorded it."""
    return encode_commands(
        [
            TimerSet(command.path, due_ms, command.line) if isinstance(command, TimerSet) else command
            for command in decode_commands(commands)
        ]
    )
