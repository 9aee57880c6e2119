"""Which engine keeps the runs: made from the settings; a library that is not needed is not imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Literal, Protocol, Self, cast

from weft.clock import Clock, SystemClock
from weft.engine.embedded.engine import EmbeddedEngine
from weft.engine.errors import EngineCannot, ExtraMissing
from weft.engine.execution.program import Program
from weft.engine.port import Engine
from weft.engine.temporal.target import Target, read_target
from weft.errors import WeftError
from weft.host.settings import Settings
from weft.ids import Ids
from weft.model.message import Answer
from weft.model.operation import Operation
from weft.model.run import RunPage, RunStory, RunView


class Questions(Protocol):
    """Lists and counts of runs."""

    async def page(self, where: str, *, limit: int, after: str = "") -> RunPage:
        """Return runs of which a query holds."""
        ...

    async def count(self, where: str, *, by: str = "") -> dict[str, int]:
        """Return how many runs a query holds of, by the values of a field."""
        ...


class Visitor(Protocol):
    """Asks about runs that are kept by a server, and tells them; it works on none."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def questions(self) -> Questions:
        """Return what lists and counts runs."""
        ...

    async def view(self, workflow: str, run_id: str) -> RunView:
        """Return where a run stands."""
        ...

    async def story(
        self, workflow: str, run_id: str, *, programs: Mapping[str, Program], operations: Mapping[str, Operation]
    ) -> RunStory:
        """Return the story of a run as this code tells it."""
        ...

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message."""
        ...

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer."""
        ...

    async def cancel(self, workflow: str, run_id: str, reason: str = "", *, who: str = "") -> None:
        """Ask a run to cancel."""
        ...

    async def retry(self, workflow: str, run_id: str, *, who: str, why: str = "", resend: bool = False) -> None:
        """Try the waiting calls of a run now."""
        ...

    async def skip(self, workflow: str, run_id: str, *, who: str, why: str, reply: bytes | None = None) -> None:
        """Give up the calls of a run that need attention."""
        ...

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        ...

    async def reset(
        self, workflow: str, run_id: str, *, at: str, effects: Literal["undo", "keep"] = "undo", who: str, why: str
    ) -> None:
        """Cut a run after a step."""
        ...

    async def delete(self, workflow: str, run_id: str, *, who: str = "", why: str = "") -> None:
        """Delete a run that has ended."""
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
        CredentialsInvalid: its codec cannot be loaded.
    """
    if not settings.is_temporal:
        return EmbeddedEngine(settings.engine_path, system=system, clock=clock, ids=ids, limits=settings.limits)
    if not isinstance(clock, SystemClock):
        what = f"the host was given a clock of its own, {type(clock).__name__}, and time on Temporal is the server's"
        raise EngineCannot(what, remedy="leave the clock away, or stay on the embedded engine")
    check_retention(settings)
    room = _temporal("engine")
    target, converter = target_of(settings), _converter(settings)
    options = {"clock": clock, "ids": ids, "limits": settings.limits, "pace": settings.worker, "converter": converter}
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


def target_of(settings: Settings) -> Target:
    """Return the server that the settings name, and how it is spoken to."""
    return replace(read_target(settings.engine), security=settings.temporal)


def _converter(settings: Settings) -> Any:
    return _temporal("credentials").converter_of(settings.temporal)


def make_visitor(settings: Settings) -> Visitor:
    """Return what asks the Temporal server that the settings name, without working for it.

    Raises:
        ExtraMissing: its library is not installed.
    """
    room = _temporal("visitor")
    return cast("Visitor", room.Visitor(target_of(settings), limits=settings.limits, converter=_converter(settings)))


def examine(settings: Settings) -> Any:
    """Return a coroutine that looks at the Temporal server that the settings name, for `weft doctor`.

    Raises:
        ExtraMissing: its library is not installed.
    """
    return _temporal("examination").examine_server(target_of(settings), SystemClock())


def _temporal(module: str) -> Any:
    """Import a module by name: who has no Temporal server needs nothing of its library, and pays nothing for it."""
    require_temporal()
    return import_module(f"weft.engine.temporal.{module}")
