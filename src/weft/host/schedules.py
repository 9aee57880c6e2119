"""Schedules from outside: created at run time, looked at, paused, triggered, filled in."""

from __future__ import annotations

from datetime import datetime

from weft.engine.port import SchedulesPort
from weft.model.schedule import Overlap, Schedule, ScheduleView, range_of
from weft.model.scheduling import stored_form
from weft.model.system import System

PROGRAM = "the program"
"""Who does what nobody put a name to."""


class Schedules:
    """Create schedules and act on them: `host.schedules`. Each method returns once what it did is on disk.

    Schedules that the System declares are there when the host is open. They can be paused, triggered and filled in
    here, and are changed and removed in the code.
    """

    def __init__(self, system: System, port: SchedulesPort) -> None:
        self._system = system
        self._port = port

    async def create(self, schedule: Schedule, *, who: str = PROGRAM, why: str = "") -> None:
        """Create a schedule; creating it again finds it.

        Raises:
            ScheduleExists: The id is taken by one that says something else.
            DeclarationInvalid: Its workflow is not part of the System, or takes an input that it does not give.
            ValueCannotTravel: Its input is not of the type that the workflow declares.
        """
        await self._port.create(stored_form(schedule, self._system.workflows), who=who, why=why)

    async def update(self, schedule: Schedule, *, who: str = PROGRAM, why: str = "") -> None:
        """Let the schedule of this id say something else; its runs, counts and pause stay.

        New times count from now on: what the old ones missed is not made up for.

        Raises:
            ScheduleNotFound: There is none.
            ScheduleDeclared: It is declared in code.
        """
        await self._port.update(stored_form(schedule, self._system.workflows), who=who, why=why)

    async def delete(self, schedule: str, /, *, who: str = PROGRAM, why: str = "") -> None:
        """Forget a schedule; its runs go on.

        Raises:
            ScheduleNotFound: There is none.
            ScheduleDeclared: It is declared in code.
        """
        await self._port.delete(schedule, who=who, why=why)

    async def pause(self, schedule: str, /, *, who: str = PROGRAM, note: str = "") -> None:
        """Let a schedule start nothing by itself until it is resumed; triggers and ranges are still started.

        Raises:
            ScheduleNotFound: There is none.
        """
        await self._port.pause(schedule, who=who, why=note)

    async def resume(self, schedule: str, /, *, who: str = PROGRAM, note: str = "") -> None:
        """Let a schedule go on from now; what it would have started meanwhile is left out: `backfill` starts that.

        Raises:
            ScheduleNotFound: There is none.
        """
        await self._port.resume(schedule, who=who, why=note)

    async def trigger(
        self, schedule: str, /, *, overlap: Overlap | None = None, who: str = PROGRAM, why: str = ""
    ) -> str | None:
        """Start a run now; return its id, or nothing if it waits for another one or is left out.

        Args:
            schedule: Which.
            overlap: In place of the schedule's own policy.
            who: Who asks.
            why: The reason.

        Raises:
            ScheduleNotFound: There is none.
        """
        return await self._port.trigger(schedule, overlap=overlap, who=who, why=why)

    async def backfill(
        self,
        schedule: str,
        /,
        start: datetime,
        end: datetime,
        *,
        overlap: Overlap | None = None,
        who: str = PROGRAM,
        why: str = "",
    ) -> None:
        """Start the runs of a range of times that has passed; those that there are already are left as they are.

        Args:
            schedule: Which.
            start: The first moment of the range.
            end: The last one; now at the latest.
            overlap: In place of the schedule's own policy.
            who: Who asks.
            why: The reason.

        Raises:
            ScheduleNotFound: There is none.
            ScheduleInvalid: The range has not passed, or is none.
        """
        await self._port.backfill(schedule, between=range_of(start, end), overlap=overlap, who=who, why=why)

    async def describe(self, schedule: str, /) -> ScheduleView:
        """Return a schedule as it stands: its next times, its last runs, what was skipped and missed.

        Raises:
            ScheduleNotFound: There is none.
        """
        return await self._port.describe(schedule)

    async def list(self, *, after: str = "", limit: int = 100) -> list[ScheduleView]:
        """Return schedules in order of their ids, those behind one."""
        return await self._port.list(after=after, limit=limit)
