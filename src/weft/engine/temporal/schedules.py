"""Schedules on Temporal: refused where a System is bound that declares some, and where somebody asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from weft.engine.errors import EngineCannot
from weft.model.schedule import ScheduleSpec


class NoSchedules:
    """Refuses what starts runs by the time."""

    def declare(self, declared: Sequence[ScheduleSpec]) -> None:
        """Refuse the schedules that a System's code declares.

        Raises:
            EngineCannot: there are some.
        """
        if declared:
            _refuse(f"the System declares the schedule {declared[0].id}")

    async def create(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Refuse a schedule."""
        del who, why
        _refuse(f"the schedule {spec.id} was to be created")

    async def update(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Refuse a schedule."""
        del who, why
        _refuse(f"the schedule {spec.id} was to be changed")

    async def _refuse(self, schedule: str, **options: Any) -> NoReturn:
        """Refuse what is asked of a schedule."""
        del options
        _refuse(f"something was asked of the schedule {schedule}")

    delete = pause = resume = trigger = backfill = describe = _refuse

    async def list(self, *, after: str = "", limit: int = 100) -> Sequence[Any]:
        """Return no schedule: there is none."""
        del after, limit
        return []


def _refuse(what: str) -> NoReturn:
    remedy = "let a schedule of Temporal's own start the workflow by its name, or stay on the embedded engine"
    raise EngineCannot(f"{what}, and runs on Temporal are not started by weft's schedules", remedy=remedy)
