"""Programs as data: what a workflow is to do, drawn at random over every verb; a text, so that it is any run's input.

A tree is a list: a kind, the node's number, then values and parts. The outcome of a tree depends neither on the order
of what happens at one time nor on crashes, so that engines can be compared: calls take no time, every wait has a length
of its own, and whoever receives is sent as much as it receives.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

Tree: TypeAlias = "list[Any]"

CLOSINGS = ("cancel", "terminate", "abandon")

_plain = st.sampled_from(["pay", "none", "put", "look", "burn", "fail", "refuse", "chance", "patched", "deprecated"])
_leaves = st.one_of(
    _plain.map(lambda kind: [kind]),
    st.sampled_from([["offered"], ["take"], ["show"]]),
    st.integers(1, 3).map(lambda tens: ["sleep", tens * 10]),
    st.integers(0, 3).map(lambda number: ["ask", number]),
)


def _around(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(parts, min_size=1, max_size=3)
    tens = st.integers(0, 2).map(lambda each: each * 10 + 5)
    closing = st.sampled_from(CLOSINGS)
    return st.one_of(
        several.map(lambda each: ["one by one", *each]),
        several.map(lambda each: ["all at once", *each]),
        st.tuples(st.sampled_from(["saga", "try", "shield", "group"]), parts).map(list),
        st.tuples(st.sampled_from(["limit", "wait for", "race"]), tens, parts).map(list),
        st.tuples(st.just("run"), tens | st.none(), closing, parts).map(list),
        st.tuples(st.just("start"), tens | st.none(), closing, parts).map(list),
    )


trees = st.recursive(_leaves, _around, max_leaves=8)
"""Programs of one generation."""


def text_of(generations: list[Tree]) -> str:
    """Return a program as text, every node of it with a number of its own."""
    numbers = itertools.count(1)
    return json.dumps([_numbered(each, numbers) for each in generations])


def _numbered(tree: Tree, numbers: Iterator[int]) -> Tree:
    kind, *rest = tree
    return [kind, next(numbers), *(_numbered(each, numbers) if isinstance(each, list) else each for each in rest)]


def takes(text: str) -> int:
    """Return how many messages a program may receive; those of its children it does not."""
    return sum(_takes(each) for each in json.loads(text))


def _takes(tree: Tree) -> int:
    if tree[0] in {"run", "start"}:
        return 0
    return (tree[0] == "take") + sum(_takes(each) for each in tree[2:] if isinstance(each, list))


programs = st.lists(trees, min_size=1, max_size=3).map(text_of)
"""Programs of some generations, as texts."""
