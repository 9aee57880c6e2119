"""Workflows that schedules start, and a world in which they do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from weft.flow.messages import receive
from weft.flow.scheduled import occurrence
from weft.model.message import Signal
from weft.model.run import RunStatus
from weft.model.schedule import Occurrence, Schedule
from weft.model.system import System
from weft.model.timing import to_ms
from weft.model.workflow import workflow
from weft.testing.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class Enough(Signal):
    """Let a patient run end."""


@workflow
async def note(when: Occurrence) -> str:
    """Return which time it was started for."""
    assert occurrence() == when
    return when.at.isoformat()


@workflow
async def nap(minutes: int) -> str:
    """Sleep for some minutes, and tell for which time."""
    await asyncio.sleep(minutes * 60)
    told = occurrence()
    return "" if told is None else told.at.isoformat()


@workflow
async def patient(name: str) -> str:
    """Wait until somebody says that it is enough."""
    await receive(Enough)
    return name


@workflow
async def stumble(day: int) -> None:
    """Fail on one day of the month."""
    told = occurrence()
    if told is not None and told.at.day == day:
        raise LookupError(day)


WORKFLOWS = [note, nap, patient, stumble]


def night(*schedules: Schedule, store: Path | None = None, now: datetime = MIDNIGHT, **options: Any) -> World:
    """Return a world at some moment, by default the first of 2026, whose System declares these schedules."""
    world = World(System("night", workflows=WORKFLOWS, schedules=schedules), store=store, **options)
    world.clock.move_to(to_ms(now))
    return world


async def runs_of(world: World) -> dict[str, RunStatus]:
    """Return how every run stands, by id, the oldest first."""
    return {each.id: each.status for each in reversed(await world.host.engine.list(limit=1_000))}
