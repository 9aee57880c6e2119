"""Wait for what comes a moment later, with a bound: lists of a server that are not of the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

SEVERAL_S = 30.0
"""Seconds after which what should have come is given up."""

LOOK_S = 0.05


def eventually(look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
    """Return what is seen once it is what it should be; the test fails where that never comes."""
    until = time.monotonic() + SEVERAL_S
    while True:
        seen = look()
        if is_there(seen):
            return seen
        if time.monotonic() > until:
            pytest.fail(f"it never came; what was seen last: {seen}")
        time.sleep(LOOK_S)  # real sleep: a server tells nobody when its lists have caught up
