"""A thread that says which run's step does not end, while it does not end."""

from __future__ import annotations

import logging
import sys
import threading
import time

from weft.engine.embedded.live import LiveRun
from weft.engine.execution.paths import line_above

log = logging.getLogger("weft.engine")

SLOW_STEP_S = 2.0
"""How long one step of a run may hold up all the others before it is reported."""

LOOKS = 4
"""Looks in that time."""


class Watchdog:
    """Watch the steps of one loop from outside: a loop that is held up cannot say so itself.

    The loop notes the beginning and the end of each step, two assignments; the thread looks a few times in the time
    that a step may take, and asks the interpreter where the loop's thread is only when one takes longer.
    """

    def __init__(self, *, slow_s: float = SLOW_STEP_S) -> None:
        self.slow_s = slow_s
        self._run: LiveRun | None = None
        self._began = 0.0
        self._reported = 0.0
        self._loop_thread = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Watch the calling thread."""
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="weft-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def begin(self, live: LiveRun) -> None:
        """Note that a step begins."""
        self._run = live
        self._began = time.perf_counter()

    def end(self) -> None:
        """Note that it has ended, and report one that was slow, with how long it took."""
        took_s = time.perf_counter() - self._began
        self._began = 0.0
        if took_s > self.slow_s and self._run is not None:
            log.warning("run %s took %.1f s for one step; all other runs waited", self._run.name, took_s)

    def _watch(self) -> None:
        while not self._stop.wait(self.slow_s / LOOKS):
            began, run = self._began, self._run
            if not began or began == self._reported or run is None or time.perf_counter() - began < self.slow_s:
                continue
            line = line_above(sys._current_frames().get(self._loop_thread))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way to another thread's line
            if began == self._began:
                self._reported = began
                where = f" at {line}" if line else ""
                log.warning(
                    "run %s has not ended a step for %.1f s%s; all other runs wait", run.name, self.slow_s, where
                )
