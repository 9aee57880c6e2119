"""What every engine offers to the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from weft.engine.execution.program import Program
from weft.flow.port import RunsPort
from weft.model.call import Handler
from weft.model.operation import Operation
from weft.model.run import RunStory, RunView
from weft.model.schedule import Overlap, ScheduleSpec, ScheduleView


class SchedulesPort(Protocol):
    """Keep schedules, and start their runs; each method returns once what it did is on disk."""

    def declare(self, declared: Sequence[ScheduleSpec]) -> None:
        """Note what the System's code declares, before the engine is opened; opening it makes those so."""
        ...

    async def create(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Create a schedule, or find that it exists and says the same.

        Raises:
            ScheduleExists: it says something else.
            ScheduleInvalid: it cannot be used.
        """
        ...

    async def update(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Let a schedule say something else; its runs, counts and pause stay, and new times count from now on.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleDeclared: it is declared in code.
            ScheduleInvalid: it cannot be used.
        """
        ...

    async def delete(self, schedule: str, *, who: str, why: str = "") -> None:
        """Forget a schedule; its runs go on.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleDeclared: it is declared in code.
        """
        ...

    async def pause(self, schedule: str, *, who: str, why: str = "") -> None:
        """Let a schedule start nothing by itself.

        Raises:
            ScheduleNotFound: there is none.
        """
        ...

    async def resume(self, schedule: str, *, who: str, why: str = "") -> None:
        """Let a schedule go on from now; what it would have started meanwhile is left out.

        Raises:
            ScheduleNotFound: there is none.
        """
        ...

    async def trigger(self, schedule: str, *, overlap: Overlap | None = None, who: str, why: str = "") -> str | None:
        """Start a run now; return its id, or nothing if it waits for another or is left out.

        Args:
            schedule: which.
            overlap: in place of the schedule's own policy.
            who: who asks.
            why: the reason.

        Raises:
            ScheduleNotFound: there is none.
        """
        ...

    async def backfill(
        self, schedule: str, *, between: tuple[int, int], overlap: Overlap | None = None, who: str, why: str = ""
    ) -> None:
        """Start the runs of a range of times that has passed; those that there are already are left as they are.

        Args:
            schedule: which.
            between: the range in milliseconds since 1970, both ends in it.
            overlap: in place of the schedule's own policy.
            who: who asks.
            why: the reason.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleInvalid: the range has not passed.
            LimitExceeded: too many ranges are being filled.
        """
        ...

    async def describe(self, schedule: str) -> ScheduleView:
        """Return a schedule as it stands.

        Raises:
            ScheduleNotFound: there is none.
        """
        ...

    async def list(self, *, after: str = "", limit: int = 100) -> list[ScheduleView]:
        """Return schedules in order of their ids, those behind one."""
        ...


class Engine(RunsPort, Protocol):
    """Run workflows durably."""

    @property
    def schedules(self) -> SchedulesPort:
        """Return what starts runs by the time."""
        ...

    def identity(self) -> str:
        """Return the name of what keeps the runs, which no other has; empty before it was first opened."""
        ...

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
