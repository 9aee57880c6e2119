"""What every engine offers to the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from weft.engine.execution.program import Program
from weft.flow.port import RunsPort
from weft.model.call import Handler
from weft.model.operation import Operation
from weft.model.run import RunStory, RunView


class Engine(RunsPort, Protocol):
    """Run workflows durably."""

    async def open(
        self, programs: Mapping[str, Program], operations: Mapping[str, Operation], handler: Handler
    ) -> None:
        """Take the store, resume every open run, and begin to work.

        Args:
            programs: by workflow name.
            operations: by target, `service.operation`.
            handler: where calls go; it raises nothing but CancelledError.

        Raises:
            StoreOwned, StoreNewer, StoreOfOtherSystem: the store cannot be taken.
        """
        ...

    async def close(self) -> None:
        """Stop intake, let calls under way end, commit, and give the store back. Open runs resume at the next open."""
        ...

    async def retry(self, workflow: str, run_id: str, *, who: str) -> None:
        """Try the waiting calls of a run now."""
        ...

    async def skip(self, workflow: str, run_id: str, *, who: str, why: str, reply: bytes | None = None) -> None:
        """Give up the calls of a run that need attention, as an operator's decision with its reason."""
        ...

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        ...

    async def reset(
        self, workflow: str, run_id: str, *, at: str, effects: Literal["undo", "keep"] = "undo", who: str, why: str
    ) -> None:
        """Cut a run after a step, undo or keep the effects since, and let it go on from there in a new epoch."""
        ...

    async def list(self, *, workflow: str | None = None, limit: int = 100) -> list[RunView]:
        """Return runs, newest first."""
        ...

    async def show(self, workflow: str, run_id: str) -> RunStory:
        """Return the story of one run."""
        ...
