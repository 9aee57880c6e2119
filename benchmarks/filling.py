"""Stores with very many runs, written through the engine's own batches: copies of a run that the engine made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from benchmarks.question import progress
from benchmarks.steps import SYSTEM, five, host_in, sleeps, store_url
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.rows import EntryRow, RunRow
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import TimerSet, decode_commands, encode_commands
from weft.model.run import RunStatus

RUNS_AT_ONCE = 5_000
TOLD_EVERY = 100_000
FIRST, LAST_OF_A_MONTH_MS = "the first", 30 * 86_400_000


def fill(*, folder: str, finished: int = 0, asleep: int = 0) -> int:
    """Put copies of one finished and of one sleeping run into the store of a folder; return its size in bytes."""
    path = Path(folder) / "weft.db"
    asyncio.run(_one_of_each(Path(folder)))
    store = Store.open(path, system=SYSTEM.name, owner=True)
    try:
        for name, count in ((five.name, finished), (sleeps.name, asleep)):
            row = store.find(name, FIRST)
            assert row is not None, f"{store_url(Path(folder))} has one of each"
            journal = store.journal(row.key)
            for batch in _batches(row, journal, first_key=store.max_key() + 1, count=count):
                store.write(batch)
    finally:
        store.close()
    return path.stat().st_size


async def _one_of_each(folder: Path) -> None:
    async with host_in(folder) as host:
        await (await host.start(five, 0, id=FIRST)).result()
        await host.start(sleeps, 0, id=FIRST)


def _batches(row: RunRow, journal: list[EntryRow], *, first_key: int, count: int) -> Iterator[Batch]:
    for first in range(0, count, RUNS_AT_ONCE):
        batch = Batch()
        for number in range(first, min(count, first + RUNS_AT_ONCE)):
            _copy(row, journal, batch, number=number, of=count, key=first_key + number)
        yield batch
        if (first + RUNS_AT_ONCE) % TOLD_EVERY == 0:
            progress(f"filling: {first + RUNS_AT_ONCE:,} runs of {row.workflow}")


def _copy(row: RunRow, journal: list[EntryRow], batch: Batch, *, number: int, of: int, key: int) -> None:
    wake_ms = row.wake_ms
    if wake_ms is not None:
        wake_ms += number * LAST_OF_A_MONTH_MS // of  # nobody's timers are all due at once
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
