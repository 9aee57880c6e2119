"""The host: a System at work in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack, overload

from weft.clock import Clock, SystemClock
from weft.engine.embedded.engine import EmbeddedEngine
from weft.engine.errors import EngineCannot
from weft.engine.execution.program import Program
from weft.errors import DeclarationInvalid
from weft.flow.ambient_runs import AmbientRuns
from weft.flow.posting import Outgoing, Relay
from weft.flow.runs import Run, Runs
from weft.host.bindings import NotingPort, Provider, Wiring, bind, proxy_for
from weft.host.collector import rare_collections
from weft.host.dispatcher import Witness
from weft.host.engines import make_engine
from weft.host.lifecycle import StopSignals
from weft.host.pipeline import Pipeline
from weft.host.schedules import Schedules
from weft.host.settings import Settings, load_settings
from weft.ids import Ids, SystemIds
from weft.model.call import Policy
from weft.model.policy import Retention
from weft.model.run import RunPage
from weft.model.service import Service
from weft.model.spec import WorkflowSpec
from weft.model.system import System

S = TypeVar("S")

LOOK_S = 0.2
"""How often is looked whether the engine has failed: without its disk no signal will come to end the wait."""


class HostOptions(TypedDict, total=False):
    """What a host may be told beside its System and its engine.

    Attributes:
        settings: in place of weft.toml and the environment.
        providers: functions `(service name, url) -> async context manager`, by the type that they provide.
        replace: instances in place of services, by contract.
        policies: around every call, the outermost first.
        clock: where time comes from.
        ids: where identifiers come from.
        witness: is told how each delivery of a call ended.
        store: folder of what the services keep; stronger than the settings.
        retention: how long is kept what has ended, in place of the settings' word.
    """

    settings: Settings
    providers: Mapping[Any, Provider]
    replace: Mapping[type[Any], object]
    policies: Sequence[Policy]
    clock: Clock
    ids: Ids
    witness: Witness
    store: str
    retention: Retention


class Host(Runs):
    """Run a System: `async with Host(shop, engine="sqlite:///shop.db") as host`.

    Opening it makes the services and resumes every open run. Leaving the block drains: no new call begins, calls
    under way end, everything is committed and closed; open runs resume when it is opened again.

    Args:
        system: the services and workflows.
        engine: URL of the engine; stronger than the settings.
        options: see HostOptions.

    Attributes:
        schedules: create, pause, trigger, describe schedules.

    Raises:
        SettingInvalid: A setting cannot be used.
    """

    def __init__(self, system: System, *, engine: str | None = None, **options: Unpack[HostOptions]) -> None:
        settings = options.get("settings")
        if settings is None:
            settings = load_settings(engine=engine)
        elif engine is not None:
            settings = dataclasses.replace(settings, engine=engine)
        if "store" in options:
            settings = dataclasses.replace(settings, store=options["store"])
        if "retention" in options:
            settings = dataclasses.replace(settings, retention=options["retention"])
        clock: Clock = options.get("clock") or SystemClock()
        ids: Ids = options.get("ids") or SystemIds()
        self.settings = settings
        self.engine = make_engine(settings, system=system.name, clock=clock, ids=ids)
        self.schedules = Schedules(system, self.engine.schedules)
        super().__init__(system, self.engine)
        self._pipeline = Pipeline(options.get("policies", ()), clock=clock, witness=options.get("witness"))
        self._wiring = Wiring(
            system=system,
            settings=settings,
            send=self._pipeline.send,
            runs=NotingPort(AmbientRuns(self.engine)),
            own={Clock: clock, Ids: ids},
            providers=options.get("providers", {}),
            replace=options.get("replace", {}),
        )
        self._stack = AsyncExitStack()
        self._relays: list[Relay] = []

    async def __aenter__(self) -> Self:
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        if not self.settings.is_temporal:
            self.settings.engine_path.parent.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            stack.enter_context(rare_collections)
            self._pipeline.connect(await bind(self._wiring, stack))
            if isinstance(self.engine, EmbeddedEngine):
                self.engine.housekeeping.memories = tuple(self._wiring.memories)
                self.engine.housekeeping.retention = self.settings.retention
            outgoing = [each for each in self._wiring.opened if isinstance(each, Outgoing)]
            relays = self._relays = [each.relay(self.engine, self.engine.identity) for each in outgoing]
            programs = {spec.name: self._program(spec) for spec in self._wiring.system.workflows.values()}
            stack.push_async_callback(self.engine.kill)  # where opening it is interrupted; nothing is left to kill else
            self.engine.schedules.declare(tuple(self._wiring.system.schedules.values()))
            await self.engine.open(programs, self._wiring.system.operations, self._pipeline.handler)
            # Last in, first out: the engine drains while the services that it calls are still there.
            stack.push_async_callback(self.engine.close)
            for relay in relays:
                stack.push_async_callback(relay.close)
                relay.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def embedded(self) -> EmbeddedEngine:
        """Return the engine as the embedded one, with what only that has: its commits, its quiet.

        Raises:
            EngineCannot: The runs are kept elsewhere.
        """
        if not isinstance(self.engine, EmbeddedEngine):
            what = "this asks for what only the embedded engine has, and the runs are kept elsewhere"
            raise EngineCannot(what, remedy="use it with a sqlite:/// engine")
        return self.engine

    async def close(self) -> None:
        """Drain and close; harmless when done already."""
        await self._stack.aclose()

    @property
    def is_relaying(self) -> bool:
        """Tell whether requests of services' transactions are on their way to the engine."""
        return any(relay.busy for relay in self._relays)

    async def kill(self) -> None:
        """Drop everything as a crash would: no call under way ends, and nothing more is committed."""
        await self.engine.kill()
        await self._stack.aclose()

    def proxy(self, contract: type[S]) -> S:
        """Return a proxy of a service for callers outside runs; each call gets a fresh id.

        Raises:
            DeclarationInvalid: No service of the System carries the contract out.
        """
        proxy = proxy_for(contract, self._wiring)
        if proxy is None:
            what = f"no service of System {self._wiring.system.name!r} carries out {contract.__name__}"
            raise DeclarationInvalid(what, remedy="add it to System(services=[...])")
        return proxy

    async def list(self, where: str = "", *, limit: int = 100, after: str = "") -> RunPage:
        """Return runs of which a query holds, the newest first where it does not order them otherwise.

        Args:
            where: as in `status = 'failed' and created > -2h`; nothing for all; docs/guides/finding-runs.md has more.
            limit: the most to return.
            after: the cursor of the page before, for the same query.

        Raises:
            QueryInvalid: The query cannot be read; the error points at the column.
            CursorInvalid: The cursor does not go on with this query.
        """
        return await self.engine.questions.page(where, limit=limit, after=after)

    async def delete(self, run: Run[Any], *, who: str = "", why: str = "") -> None:
        """Delete a run that has ended, with its journal and all that is kept of it; its id can be used again then.

        Services forget its calls once the longest delivery delay has passed.

        Raises:
            RunNotFound: There is none.
            RunOpen: It has not ended.
        """
        await self.engine.delete(run.workflow, run.id, who=who, why=why)

    @overload
    async def count(self, where: str = "") -> int: ...
    @overload
    async def count(self, where: str = "", *, by: str) -> dict[str, int]: ...
    async def count(self, where: str = "", *, by: str = "") -> int | dict[str, int]:
        """Return how many runs a query holds of; with `by`, how many for each value of a field.

        Args:
            where: as for `list`.
            by: status, workflow, tenant, or an attribute with one value.

        Raises:
            QueryInvalid: The query cannot be read, or runs cannot be counted by this field.
            LimitExceeded: The field has more than 10,000 values.
        """
        counts = await self.engine.questions.count(where, by=by)
        return counts if by else sum(counts.values())

    async def run_until_stopped(self) -> signal.Signals:
        """Work until SIGTERM or SIGINT, then drain and close; return the signal.

        A second signal while it drains ends the process at once with 143 or 130.

        Raises:
            StoreFailed: A commit has failed and the engine has stopped; everything is closed.
        """
        async with StopSignals() as signals:
            waiting = asyncio.ensure_future(signals.wait())
            try:
                while not waiting.done() and self.engine.failed is None:
                    await asyncio.wait({waiting}, timeout=LOOK_S)
            finally:
                waiting.cancel()
                await self.close()
            if self.engine.failed is not None:
                raise self.engine.failed
            return waiting.result()

    def _program(self, spec: WorkflowSpec) -> Program:
        return Program(spec, {name: self._service_of_workflow(spec, hint) for name, hint in spec.services.items()})

    def _service_of_workflow(self, spec: WorkflowSpec, hint: Any) -> Any:
        if hint is Runs:
            return Runs(self._wiring.system, self._wiring.runs)
        if isinstance(hint, type) and issubclass(hint, Service):
            return self.proxy(hint)
        what = f"workflow {spec.name} asks for {hint!r}, which is no service"
        raise DeclarationInvalid(
            what, where=spec.where, remedy="workflows take services and Runs; put the rest behind one"
        )
