"""What changes when a System moves from the embedded engine to Temporal: limits, features, latency, cost."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from weft.engine.embedded.rows import RunRow
from weft.engine.embedded.store import Store
from weft.engine.errors import EngineCannot
from weft.engine.execution.commands import CallIssued, Command, decode_commands
from weft.engine.execution.entries import Ended, Entry, decode_entry
from weft.engine.execution.program import Program
from weft.flow.ambient_runs import OPERATIONS, SERVICE
from weft.host.engines import check_retention, require_temporal
from weft.host.features import Feature, features_of
from weft.host.settings import Settings
from weft.model.run import RunStatus
from weft.model.system import System

RUNS_OBSERVED = 200
"""Of each workflow, the newest that have ended."""

RUNS_LOOKED_AT = 2_000
"""Of each workflow, to find as many that have ended."""

ENTRIES_AT_ONCE = 500
TWENTIETHS = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: a number for each engine; nothing where it has none of this kind."""

    name: str
    embedded: int | None
    temporal: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What runs of one workflow would cost on Temporal Cloud.

    Attributes:
        runs: how many were observed; with none the rest says nothing.
        mean: actions of a run, by kind.
        most: actions of the run with the most.
        events: of the longest history, at most.
    """

    workflow: str
    runs: int = 0
    mean: Mapping[str, float] = field(default_factory=dict[str, float])
    most: int = 0
    events: int = 0

    @property
    def actions(self) -> float:
        """Return the actions of a run, in the mean."""
        return sum(self.mean.values())


@dataclass(frozen=True, slots=True)
class Latency:
    """How long steps took: from the entry that a call was issued in answer to, to that of its reply.

    Attributes:
        steps: how many calls that were answered at their first attempt.
        median_ms: half of them took at most so long.
        p95_ms: nineteen of twenty took at most so long.
    """

    steps: int
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Move:
    """Everything that changes.

    Attributes:
        limits: side by side.
        features: that the System uses, with who uses them.
        refusals: what it would be refused for when it is bound.
        latency: of the recorded runs; nothing where there are none.
        costs: by workflow.
    """

    limits: Sequence[Limit]
    features: Mapping[Feature, Sequence[str]]
    refusals: Sequence[EngineCannot]
    latency: Latency | None
    costs: Sequence[Cost]


def move_of(system: System, settings: Settings, store: Store | None) -> Move:
    """Return what changes for a System.

    Args:
        system: which.
        settings: its limits and retention.
        store: where runs of it are recorded; nothing where none are.

    Raises:
        ExtraMissing: Temporal's library, whose engine answers for itself, is not installed.
        EntryCorrupt: a journal cannot be read.
    """
    require_temporal()
    room: Any = import_module("weft.engine.temporal.moving")  # by name, as the engine itself is found
    programs = [Program(spec, {}) for spec in system.workflows.values()]
    refusals = list(room.refusals(programs, tuple(system.schedules.values()), settings.limits))
    try:
        check_retention(settings)
    except EngineCannot as refusal:
        refusals.append(refusal)
    took_ms: list[int] = []
    costs = [_cost_of(system, name, store, took_ms=took_ms) for name in system.workflows]
    bounds = room.bounds(settings.limits, tuple(system.workflows))
    return Move(_limits(settings, bounds), features_of(system), refusals, _latency(took_ms), costs)


def _limits(settings: Settings, bounds: Any) -> list[Limit]:
    here = settings.limits
    return [
        Limit("payload bytes", here.payload_bytes, bounds.payload_bytes),
        Limit("journal entries", here.journal_entries, None),
        Limit("history events", None, bounds.history_events),
        Limit("history bytes", None, bounds.history_bytes),
        Limit("pending calls", here.pending_calls, bounds.pending_calls),
        Limit("pending messages", here.pending_messages, None),
        Limit("signals of a generation", None, bounds.signals),
        Limit("updates of a generation", None, bounds.updates),
        Limit("id characters", here.id_characters, bounds.id_characters),
    ]


def _cost_of(system: System, workflow: str, store: Store | None, *, took_ms: list[int]) -> Cost:
    actions: Any = import_module("weft.engine.temporal.actions")
    operations = {**OPERATIONS, **system.operations}
    total: Counter[str] = Counter()
    runs = most = events = 0
    for row in () if store is None else _ended(store, workflow):
        assert store is not None, "rows come from a store"
        steps = list(_steps(store, row))
        bill = actions.bill_of(steps, operations)
        took_ms += _took_ms(steps)
        runs, events = runs + 1, max(events, bill.events)
        most = max(most, bill.actions.total())
        total += bill.actions
    return Cost(workflow, runs, {kind: count / runs for kind, count in sorted(total.items())}, most, events)


def _ended(store: Store, workflow: str) -> Iterator[RunRow]:
    rows = store.list_runs(workflow=workflow, limit=RUNS_LOOKED_AT)
    ended = [row for row in rows if not RunStatus(row.status).is_open]
    yield from ended[:RUNS_OBSERVED]


def _steps(store: Store, row: RunRow) -> Iterator[tuple[int, Entry, list[Command]]]:
    seq = 0
    while rows := store.entries(row.key, since=seq, until=seq + ENTRIES_AT_ONCE):
        for each in rows:
            yield each.at_ms, decode_entry(each.entry), decode_commands(each.commands) if each.commands else []
        seq += ENTRIES_AT_ONCE


def _took_ms(steps: Sequence[tuple[int, Entry, list[Command]]]) -> Iterator[int]:
    """Yield how long each call took that was answered at once; what asks for runs takes as long as those do."""
    issued: dict[str, int] = {}
    for at_ms, entry, commands in steps:
        if isinstance(entry, Ended) and entry.attempts == 1 and entry.kind == "reply" and entry.path in issued:
            yield at_ms - issued.pop(entry.path)
        for command in commands:
            if isinstance(command, CallIssued) and not command.target.startswith(f"{SERVICE}."):
                issued[command.path] = at_ms


def _latency(took_ms: list[int]) -> Latency | None:
    if not took_ms:
        return None
    found = sorted(took_ms)
    late = found[min(len(found) - 1, len(found) * (TWENTIETHS - 1) // TWENTIETHS)]
    return Latency(len(found), statistics.median(found), late)
