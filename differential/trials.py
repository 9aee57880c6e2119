"""Trials: programs drawn by a seed, with the moment at which somebody cancels them; what runs and order each has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.programs.trees import Tree, programs, takes

Place: TypeAlias = tuple[tuple[str, int], ...]
"""The way to a node from the top of its run: the kinds that it goes through, and which part of each."""

CANCELLED = 0.25
"""The fraction of programs that somebody cancels."""

CANCEL_AFTER = (3.5, 8.5, 13.5, 23.5)
"""Seconds of the program: far from all waits, which end soon after a multiple of five."""

IN_ORDER = "one by one"
CHILDREN = frozenset({"run", "start"})


@dataclass(frozen=True, slots=True)
class Trial:
    """One program.

    Attributes:
        number: its name; faults do not depend on it.
        text: the program.
        cancel_after: seconds of the program after which somebody cancels it; nothing for never.
        faults: whether attempts meet faults.
    """

    number: int
    text: str
    cancel_after: float | None = None
    faults: bool = True

    @property
    def generations(self) -> list[Tree]:
        """Return the program's trees."""
        trees: list[Tree] = json.loads(self.text)
        return trees

    @property
    def size(self) -> tuple[int, int]:
        """Return what a smaller trial has less of: nodes, then what is done to it."""
        nodes = sum(1 for tree in self.generations for _ in nodes_of(tree))
        return nodes, (self.cancel_after is not None) + self.faults

    @property
    def words(self) -> int:
        """Return how many messages it is sent."""
        return takes(self.text)

    @property
    def is_apart(self) -> bool:
        """Tell whether the engines are known to differ here.

        A run that continues as new has closed for Temporal, which then closes the runs that it has started, as they
        were to be closed with it; a System that asks for both is refused when it is bound to Temporal.
        """
        before = [tree for generation in self.generations[:-1] for tree in nodes_of(generation)]
        return any(tree[0] == "start" and tree[3] != "abandon" for tree in before)

    @property
    def asks(self) -> bool:
        """Tell whether it asks another run."""
        return any(tree[0] == "ask" for each in self.generations for tree in nodes_of(each))

    def __str__(self) -> str:
        cancelled = "" if self.cancel_after is None else f", cancelled after {self.cancel_after:g} s"
        return f"{self.text}{cancelled}{'' if self.faults else ', without faults'}"


def nodes_of(tree: Tree) -> Iterator[Tree]:
    """Yield a tree and everything in it."""
    yield tree
    for part in parts_of(tree):
        yield from nodes_of(part)


def parts_of(tree: Tree) -> list[Tree]:
    """Return the trees right below a node."""
    return [each for each in tree[2:] if isinstance(each, list)]


def draw(count: int, *, seed_number: int) -> list[Trial]:
    """Return so many programs, the same for the same seed."""
    found: list[str] = []

    @seed(seed_number)
    @settings(
        max_examples=count,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(programs)
    def collect(text: str) -> None:
        found.append(text)

    collect()
    chance = Random(seed_number)  # noqa: S311 - which programs are cancelled, not a secret
    while len(found) < count:  # there are fewer different ones than were asked for: some come twice
        found.append(chance.choice(found))
    return [Trial(number, text, _cancel(chance)) for number, text in enumerate(found[:count])]


def _cancel(chance: Random) -> float | None:
    return chance.choice(CANCEL_AFTER) if chance.random() < CANCELLED else None


def children_of(tree: Tree) -> Iterator[int]:
    """Yield the numbers of the runs that a run with this tree may start, and not those that they start in turn."""
    for part in parts_of(tree):
        if tree[0] in CHILDREN:
            continue
        yield from children_of(part)
    if tree[0] in CHILDREN:
        yield tree[1]


def trees_by_run(trial: Trial) -> dict[str, list[Tree]]:
    """Return the trees of each run that the trial may have, by the end of the run's id; empty for the first run."""
    found: dict[str, list[Tree]] = {}

    def note(name: str, trees: list[Tree]) -> None:
        found[name] = trees
        for tree in trees:
            for child in children_of(tree):
                inner = next(each for each in nodes_of(tree) if each[1] == child and each[0] in CHILDREN)
                note(f"{name}.{child}", parts_of(inner))

    note("", trial.generations)
    return found


def places_of(trees: list[Tree]) -> dict[int, Place]:
    """Return the way to each node of a run; its generations come one by one, too."""
    found: dict[int, Place] = {}

    def note(tree: Tree, place: Place) -> None:
        found[tree[1]] = place
        if tree[0] not in CHILDREN:
            for index, part in enumerate(parts_of(tree)):
                note(part, (*place, (tree[0], index)))

    for generation, tree in enumerate(trees):
        note(tree, ((IN_ORDER, generation),))
    return found


def is_ordered(one: Place, other: Place) -> bool:
    """Tell whether what happens at two places happens in one order, whatever else goes on."""
    if any(kind == "shield" for kind, _ in (*one, *other)):
        return False  # it goes on when nobody waits for it any more
    for (kind, mine), (_, its) in zip(one, other, strict=False):
        if mine != its:
            return kind == IN_ORDER
    return False
