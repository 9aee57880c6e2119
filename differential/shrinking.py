"""Smaller programs: each with a part less, or with a part in the place of what is around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from differential.trials import Trial, parts_of
from tests.programs.trees import Tree

SEVERAL = frozenset({"one by one", "all at once"})


def smaller(trial: Trial) -> Iterator[Trial]:
    """Yield trials that are smaller by one thing, the smallest first; nodes keep their numbers, and so their faults."""
    if trial.faults:
        yield replace(trial, faults=False)
    if trial.cancel_after is not None:
        yield replace(trial, cancel_after=None)
    found = [replace(trial, text=json.dumps(each)) for each in _fewer(trial.generations)]
    yield from sorted(found, key=lambda each: each.size)


def _fewer(generations: list[Tree]) -> Iterator[list[Tree]]:
    for index, tree in enumerate(generations):
        before, after = generations[:index], generations[index + 1 :]
        if before or after:
            yield [*before, *after]
        for less in _less(tree):
            yield [*before, less, *after]


def _less(tree: Tree) -> Iterator[Tree]:
    parts = parts_of(tree)
    yield from parts
    for part in parts:
        if tree[0] in SEVERAL and len(parts) > 1:
            yield [each for each in tree if each is not part]
        for less in _less(part):
            yield [less if each is part else each for each in tree]
