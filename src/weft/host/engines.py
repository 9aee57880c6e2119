"""Which engine keeps the runs: made from the settings; a library that is not needed is not imported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from weft.clock import Clock, SystemClock
from weft.engine.embedded.engine import EmbeddedEngine
from weft.engine.errors import EngineCannot, ExtraMissing
from weft.engine.port import Engine
from weft.engine.temporal.target import read_target
from weft.errors import WeftError
from weft.host.settings import Settings
from weft.ids import Ids
from weft.model.run import RunPage


class Questions(Protocol):
    """Lists and counts of runs."""

    async def page(self, where: str, *, limit: int, after: str = "") -> RunPage:
        """Return runs of which a query holds."""
        ...

    async def count(self, where: str, *, by: str = "") -> dict[str, int]:
        """Return how many runs a query holds of, by the values of a field."""
        ...


class HostedEngine(Engine, Protocol):
    """What a host needs of its engine beside what every engine offers."""

    @property
    def failed(self) -> WeftError | None:
        """Return why the engine has stopped by itself; nothing while it works."""
        ...

    @property
    def questions(self) -> Questions:
        """Return what lists and counts runs."""
        ...

    async def delete(self, workflow: str, run_id: str, *, who: str = "", why: str = "") -> None:
        """Delete a run that has ended; from then on its id can be used again."""
        ...

    async def kill(self) -> None:
        """Drop everything as a crash would."""
        ...


def make_engine(settings: Settings, *, system: str, clock: Clock, ids: Ids) -> HostedEngine:
    """Return the engine that the settings name.

    Raises:
        ExtraMissing: its library is not installed.
        EngineCannot: it is asked for what it cannot do.
    """
    if not settings.is_temporal:
        return EmbeddedEngine(settings.engine_path, system=system, clock=clock, ids=ids, limits=settings.limits)
    if not isinstance(clock, SystemClock):
        what = f"the host was given a clock of its own, {type(clock).__name__}, and time on Temporal is the server's"
        raise EngineCannot(what, remedy="leave the clock away, or stay on the embedded engine")
    check_retention(settings)
    require_temporal()
    # By name: who has no Temporal server needs nothing of its library, and pays nothing for it.
    room: Any = import_module("weft.engine.temporal.engine")
    target = read_target(settings.engine)
    options = {"clock": clock, "ids": ids, "limits": settings.limits, "pace": settings.worker}
    return cast("HostedEngine", room.TemporalEngine(target, system=system, **options))


def check_retention(settings: Settings) -> None:
    """Raise if settings that name a Temporal server say how long ended runs are kept.

    Raises:
        EngineCannot: they do.
    """
    if settings.retention.keep is not None or settings.retention.workflows:
        what = "the settings say how long ended runs are kept, and on Temporal the namespace says that"
        raise EngineCannot(what, remedy="temporal operator namespace update --retention 30d NAME")


def require_temporal() -> None:
    """Raise if Temporal's library is not installed.

    Raises:
        ExtraMissing: it is not.
    """
    if find_spec("temporalio") is None:
        what = "the engine is a Temporal server, and the package temporalio is not installed"
        raise ExtraMissing(what, remedy="pip install 'weft[temporal]'")
