"""The execution as it lives inside Temporal: patches are Temporal's markers, the journal is Temporal's history."""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from temporalio import workflow

from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.program import Program
from weft.model.operation import Operation
from weft.model.policy import Limits

HISTORY_EVENTS = 51_200
HISTORY_BYTES = 50 * 1024 * 1024
SIGNALS = 10_000
UPDATES = 2_000
"""What Temporal's server ends or refuses a run at."""

RESERVE = 0.98
"""The part of a limit at which a run is stopped before the server ends it without its undos."""

NEARLY_FULL = 0.8
"""The part of a limit from which `journal_nearly_full` is true."""


class TemporalExecution(Execution):
    """A run stepped inside a Temporal workflow, whose loop is `outer`."""

    def __init__(
        self,
        identity: Identity,
        program: Program,
        operations: Mapping[str, Operation],
        *,
        limits: Limits,
        outer: asyncio.AbstractEventLoop,
        fullness: Callable[[], float],
    ) -> None:
        super().__init__(identity, program, operations, limits=limits)
        self._outer = outer
        self._fullness = fullness

    def patched(self, patch: str, *, deprecated: bool) -> bool:
        """Tell whether the run goes by a patch of its code, as Temporal's markers say."""
        self._check_alive()
        with self._outside():
            if deprecated:
                workflow.deprecate_patch(patch)
                return True
            return workflow.patched(patch)

    def journal_nearly_full(self) -> bool:
        """Tell whether it is time to continue as new: by events, bytes, signals and updates."""
        self._check_alive()
        with self._outside():
            return self._fullness() >= NEARLY_FULL

    @contextmanager
    def _outside(self) -> Generator[None]:
        """Let Temporal's API be called in the middle of a step: it looks at which loop runs."""
        inner = events._get_running_loop()  # noqa: SLF001 - as the run's own loop does
        events._set_running_loop(self._outer)  # noqa: SLF001
        try:
            yield
        finally:
            events._set_running_loop(inner)  # noqa: SLF001
