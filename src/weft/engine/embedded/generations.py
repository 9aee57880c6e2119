"""Runs that continue as new: what goes over from one generation to the next, and how that begins."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from weft.engine.embedded.live import LiveRun
from weft.engine.execution.commands import UpdateAnswered
from weft.engine.execution.entries import CancelAsked, Entry, Started, Told
from weft.engine.execution.execution import Execution
from weft.ids import digest

GENERATIONS_AT_ONCE = 1_000
"""Generations of one run that begin one after the other while it waits for nothing; past it the run is blocked."""

PYTHON = ".".join(platform.python_version_tuple()[:2])


class Handover:
    """What goes over while a run continues as new, maybe many times in one step.

    Attributes:
        marks: cancellations that the next generation is told after its start.
        fruitless: generations in a row that received none of what went over to them.
    """

    def __init__(self, left: Iterable[Entry]) -> None:
        """Begin with what came while the run was blocked and nobody was told."""
        listed = list(left)
        self.marks = [entry for entry in listed if isinstance(entry, CancelAsked)]
        self.fruitless = 0
        self._told = [entry for entry in listed if isinstance(entry, Told)]

    def take(self, before: Execution) -> list[Told]:
        """Take over from the generation that ends; return the messages that nobody has received, in order."""
        # A blocked run was not asked whether it knew a message: what it had been told before does not go over.
        left = [told for told in self._told if not before.inbox.has_seen(told.id)]
        carried = [Told(kind, data, message_id) for kind, data, message_id in before.inbox.waiting] + left
        self._told = []
        self.marks = [*before.marks, *self.marks]
        came = 0 if before.started is None else len(before.started.carried)
        self.fruitless = self.fruitless + 1 if len(carried) >= came else 0
        return carried


def next_start(
    before: Execution, *, carried: Sequence[Told], children: Sequence[tuple[str, str, str]], journal_entries: int
) -> Started:
    """Return the start entry of the next generation; its chance is another one."""
    started, continued = before.started, before.continued
    assert started is not None, "a run that continues has begun"
    assert continued is not None, "only a run that continues has a next generation"
    generation = before.identity.generation + 1
    return Started(
        continued.input,
        digest(started.seed + str(generation).encode()),
        PYTHON,
        principal=started.principal,
        trace=started.trace,
        deadline_ms=started.deadline_ms,
        journal_entries=journal_entries,
        carried=tuple(carried),
        children=tuple(children),
        occurrence=started.occurrence,
    )


class Listener(Protocol):
    """Who is told of what concerns others than the run itself."""

    def answered(self, live: LiveRun, command: UpdateAnswered) -> None:
        """Take an answer that is on disk."""
        ...

    def continues(self, live: LiveRun, kept: AbstractSet[str]) -> list[tuple[str, str, str]]:
        """Note that a generation ends, with the updates that are answered or go over; return its children."""
        ...

    def never_began(self, live: LiveRun, entry: CancelAsked) -> None:
        """End a run that is cancelled before its turn."""
        ...

    def closing(self, live: LiveRun) -> None:
        """Close the children of a run that ends, in the same transaction."""
        ...
