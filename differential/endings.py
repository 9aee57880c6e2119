"""How a trial ended: its runs, what was done and taken back, and in which order where that is defined."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from differential.trials import Place, Trial, is_ordered, places_of, trees_by_run

End: TypeAlias = tuple[str, str]
"""How a run ended: completed and its result, or the kind of its end and what failed it."""

STUCK: End = ("open", "")

COUNTED = frozenset({"pay", "refund", "burn"})
"""What happens once and no more; the rest may happen again after a lost reply."""


class Ending(NamedTuple):
    """How a trial ended.

    Attributes:
        runs: by the end of their id.
        effects: how often each thing was done.
        order: which came before which, of those whose order the program says.
    """

    runs: dict[str, End]
    effects: dict[str, int]
    order: frozenset[tuple[str, str]]


def lines_of(lines: Iterable[str], stage: str) -> dict[int, list[str]]:
    """Return the lines of the books by trial: what was done, and to which run's which node."""
    found: dict[int, list[str]] = {}
    prefix = f"{stage}-"
    for line in lines:
        what, *words = line.split(" ")
        for word in words:
            if word.startswith(prefix):
                number, _, place = word.removeprefix(prefix).partition(".")
                found.setdefault(int(number), []).append(f"{what} {place}")
    return found


def ending_of(trial: Trial, runs: dict[str, End], lines: list[str]) -> Ending:
    """Return how a trial ended, from the ends of its runs and the lines that it left in the books."""
    counts = Counter(lines)
    effects = {line: count if line.split(" ")[0] in COUNTED else 1 for line, count in counts.items()}
    return Ending(runs, dict(sorted(effects.items())), order_of(trial, lines))


def order_of(trial: Trial, lines: list[str]) -> frozenset[tuple[str, str]]:
    """Return which of the lines came before which, where the program says in which order they come."""
    first = {line: index for index, line in reversed(list(enumerate(lines)))}
    places: dict[str, tuple[str, Place]] = {}
    for run, trees in trees_by_run(trial).items():
        for number, place in places_of(trees).items():
            places[f"{run}.{number}".removeprefix(".")] = (run, place)
    found: set[tuple[str, str]] = set()
    for one, other in itertools.combinations(sorted(first, key=first.__getitem__), 2):
        (run, mine), (its_run, its) = (places[each.split(" ")[1]] for each in (one, other))
        if run == its_run and is_ordered(mine, its):
            found.add((one, other))
    return frozenset(found)


def differences(one: Ending, other: Ending) -> list[str]:
    """Return in words where two endings differ, first that of the embedded engine; nothing where they do not."""
    found = [
        f"run {name or '(the first)'}: {_end(one.runs.get(name))} here, {_end(other.runs.get(name))} on Temporal"
        for name in sorted({*one.runs, *other.runs})
        if one.runs.get(name) != other.runs.get(name)
    ]
    found += [
        f"{line}: {one.effects.get(line, 0)} times here, {other.effects.get(line, 0)} times on Temporal"
        for line in sorted({*one.effects, *other.effects})
        if one.effects.get(line) != other.effects.get(line)
    ]
    found += [f"{before!r} comes before {after!r} here only" for before, after in sorted(one.order - other.order)]
    found += [
        f"{before!r} comes before {after!r} on Temporal only" for before, after in sorted(other.order - one.order)
    ]
    return found


def is_stuck(ending: Ending) -> bool:
    """Tell whether a run of a trial had not ended when its time was over."""
    return STUCK in ending.runs.values()


def _end(end: End | None) -> str:
    return "never started" if end is None else " ".join(end).strip()
