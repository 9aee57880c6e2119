"""How far a batch of runs is: one line on stderr that is rewritten, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Self

from weft.cli import texts

WIDTH = 30
"""Characters of a bar."""

EVERY_S = 0.1
"""Seconds between two drawings."""

_CLEAR = "\r\033[K"


class Progress:
    """One line about a number of runs."""

    def __init__(self, total: int, workflow: str, *, text: str = texts.PROGRESS) -> None:
        self._text = text
        self._total = total
        self._workflow = workflow
        self._began = time.perf_counter()
        self._drawn = 0.0
        self._visible = False
        self._terminal = sys.stderr.isatty()

    def show(self, counts: Mapping[str, int]) -> None:
        """Draw the line, unless it was drawn a moment ago."""
        now = time.perf_counter()
        if not self._terminal or now - self._drawn < EVERY_S:
            return
        self._drawn = now
        ended = sum(counts.values())
        rate = ended / max(now - self._began, 1e-9)
        text = self._text.format(ended=ended, total=self._total, workflow=self._workflow, rate=rate)
        sys.stderr.write(f"{_CLEAR}{text}")
        sys.stderr.flush()
        self._visible = True

    def clear(self) -> None:
        """Take the line away, so that other lines can be written."""
        if self._visible:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._visible = False


class Bar:
    """How much of something is done: `with Bar("{done:,} of {total:,} things") as bar`.

    Attributes:
        done: what was shown last.
    """

    def __init__(self, text: str) -> None:
        self.done = 0
        self._text = text
        self._drawn = 0.0
        self._visible = False
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.clear()

    def show(self, done: int, total: int) -> None:
        """Draw the line, unless it was drawn a moment ago."""
        self.done = done
        now = time.perf_counter()
        if not self._terminal or now - self._drawn < EVERY_S:
            return
        self._drawn = now
        full = WIDTH * done // max(total, 1)
        bar = "█" * full + "░" * (WIDTH - full)
        sys.stderr.write(f"{_CLEAR}{bar} {self._text.format(done=done, total=total)}")
        sys.stderr.flush()
        self._visible = True

    def clear(self) -> None:
        """Take the line away, so that other lines can be written."""
        if self._visible:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._visible = False
