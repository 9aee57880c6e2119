"""What is set apart from the outer loop while runs are stepped, once for all the steps of a turn."""

from __future__ import annotations

import gc
import sys
from asyncio import events
from typing import Any


class Turn:
    """A turn of the outer loop in which runs are stepped: `with turn:` around many steps, or one by itself.

    What the collector finds may be another run's: its `finally` must not run among a run's commands, so it is off. The
    running loop and the hooks of generators are a run's own within a step; between steps the outer loop is the running
    one, and after the turn its hooks are back.

    Attributes:
        is_open: it has begun.
        outer: the loop that runs around it; nothing for none.
    """

    __slots__ = ("_collects", "_depth", "_hooks", "is_open", "outer")

    def __init__(self) -> None:
        self.is_open = False
        self.outer: Any = None
        self._depth = 0
        self._collects = False
        self._hooks: Any = (None, None)

    def __enter__(self) -> None:
        """Begin; one inside another is the same."""
        self._depth += 1
        if self._depth == 1:
            self.outer = events._get_running_loop()  # noqa: SLF001
            self._hooks = sys.get_asyncgen_hooks()
            self._collects = gc.isenabled()
            gc.disable()
            self.is_open = True

    def __exit__(self, *_: object) -> None:
        """Put back what was there."""
        self._depth -= 1
        if not self._depth:
            self.is_open = False
            self.outer = None
            sys.set_asyncgen_hooks(*self._hooks)
            if self._collects:
                gc.enable()
