"""How the workers of a process work: how much at once, from which task queues, as which version of the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from weft.errors import SettingInvalid
from weft.model.policy import Backoff

CACHED = 2_000
"""Runs kept in memory between their steps where nothing else is said."""

PINNED, AUTO_UPGRADE = "pinned", "auto-upgrade"
VERSIONING = (PINNED, AUTO_UPGRADE)
"""What becomes of a run when a new build is there: it ends on the build it began on, or goes on on the new one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a process takes on at once, and what.

    Attributes:
        workflows: runs that are stepped or wait to be, of each task queue; one thread steps them all.
        operations: attempts of operations, of each task queue.
        cached: runs kept in memory between their steps; with 0 each step replays the whole history; nothing for what
            the engine's URL says, else 2,000.
        drain: how long attempts under way may take to end when the worker stops.
        backoff: the waits between attempts.
        queues: by name of a service or a workflow, the task queue its work goes to in place of the System's.
        serves: the task queues that this process takes work from; nothing for all of its System.
        deployment: the name of the deployment that the build belongs to; nothing for workers without versions.
        build_id: which build of it this process runs.
        versioning: `pinned` or `auto-upgrade`.
    """

    workflows: int = 200
    operations: int = 500
    cached: int | None = None
    drain: timedelta = timedelta(seconds=10)
    backoff: Backoff = field(default_factory=Backoff)
    queues: Mapping[str, str] = field(default_factory=dict[str, str])
    serves: tuple[str, ...] = ()
    deployment: str = ""
    build_id: str = ""
    versioning: str = PINNED


def check_pace(pace: Pace, *, where: str = "") -> None:
    """Raise if a version is only half said.

    Raises:
        SettingInvalid: it is, or no versioning has this name.
    """
    if pace.versioning not in VERSIONING:
        what = f"worker.versioning is {pace.versioning!r}"
        raise SettingInvalid(what, where=where, remedy=f"known: {', '.join(VERSIONING)}")
    if bool(pace.deployment) != bool(pace.build_id):
        given, missing = ("deployment", "build_id") if pace.deployment else ("build_id", "deployment")
        what = f"worker.{given} is set and worker.{missing} is not; a version is both"
        raise SettingInvalid(what, where=where, remedy="set both, or none for workers without versions")
