"""How far a batch of runs is: one line on stderr that is rewritten, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from weft.cli import texts

EVERY_S = 0.1
"""Seconds between two drawings."""

_CLEAR = "\r\033[K"


class Progress:
    """One line about a number of runs."""

    def __init__(self, total: int, workflow: str) -> None:
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
        text = texts.PROGRESS.format(ended=ended, total=self._total, workflow=self._workflow, rate=rate)
        sys.stderr.write(f"{_CLEAR}{text}")
        sys.stderr.flush()
        self._visible = True

    def clear(self) -> None:
        """Take the line away, so that other lines can be written."""
        if self._visible:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._visible = False
