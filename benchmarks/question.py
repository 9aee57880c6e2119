"""What every question has in common: what it is asked with, and what it answers."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A row of the table of goals.

    Attributes:
        name: the row's name.
        value: what was measured.
        limit: what it is held to.
        unit: of both; empty for a share.
        at_least: the value must reach the limit; else it must not pass it.
    """

    name: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Tell whether the goal is met."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question found.

    Attributes:
        figures: goes into the JSON object as it is: one key for each kind of figure.
        head: the columns of its table; `rows` are the rows.
        goals: rows of the table of goals.
        how: how it was taken, in a sentence.
    """

    figures: Mapping[str, Any]
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    how: str
    goals: list[Goal] = field(default_factory=list[Goal])


@dataclass(frozen=True, slots=True)
class Asked:
    """How thoroughly to measure.

    Attributes:
        quick: short runs, small stores.
        runs: in place of the number of runs that each question would take; nothing leaves it.
        folder: where stores are made; on the disk that is measured.
        alone: without the peers.
    """

    quick: bool
    runs: int | None
    folder: Path
    alone: bool = False

    def count(self, quick: int, thorough: int) -> int:
        """Return how many runs to take."""
        return self.runs or (quick if self.quick else thorough)

    @property
    def rounds(self) -> int:
        """Return how often each side is measured, in turn."""
        return 3 if self.quick else 7

    @contextmanager
    def fresh_folder(self) -> Iterator[Path]:
        """Make an empty folder, and remove it afterwards."""
        with TemporaryDirectory(dir=self.folder, prefix="weft-bench-") as folder:
            yield Path(folder)


def progress(text: str) -> None:
    """Say on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def median(values: list[float]) -> float:
    """Return the middle one."""
    return statistics.median(values)


def percentile(values: list[float], percent: float) -> float:
    """Return the value below which a part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
