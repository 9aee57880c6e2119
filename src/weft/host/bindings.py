"""Instances of services: each constructor gets what its parameters' types say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, TypeAlias, TypeVar

from weft.clock import Clock
from weft.errors import SettingInvalid
from weft.flow.ambient import current_call
from weft.flow.port import OnClose, RunsPort, Terms
from weft.flow.proxy import make_proxy
from weft.flow.runs import Runs
from weft.host.dispatcher import Bound
from weft.host.offering import offering
from weft.host.remembering import remembering
from weft.host.settings import SQLITE, Settings, plain, unknown_name
from weft.ids import Ids
from weft.model.call import NOBODY, Behalf, Handler
from weft.model.effect import EffectKind
from weft.model.message import Answer
from weft.model.offering import offered_by
from weft.model.queueing import FIRST_COME, Queueing
from weft.model.service import Service
from weft.model.spec import ServiceSpec
from weft.model.system import System

S = TypeVar("S")

Provider: TypeAlias = Callable[[str, str], AbstractAsyncContextManager[Any]]
"""Opens a resource for a service: `(service name, url)`; the resource is closed when the host is."""

DATABASE_ROOM = "weft.data"
DATABASE_URL = SQLITE + "{store}/{service}.db"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What instances are made from.

    Attributes:
        system: the services that there are.
        settings: the URLs of their resources.
        send: where calls of proxies go.
        runs: what stands behind `Runs`.
        own: what the host itself is made of, by type: clock, ids.
        providers: by the type that they provide.
        replace: instances in place of services, by contract.
        memories: the databases that were opened, which remember calls.
        opened: the resources that services were given, as they were opened.
    """

    system: System
    settings: Settings
    send: Handler
    runs: RunsPort
    own: Mapping[Any, Any] = field(default_factory=dict[Any, Any])
    providers: Mapping[Any, Provider] = field(default_factory=dict[Any, Provider])
    replace: Mapping[type[Any], object] = field(default_factory=dict[type[Any], object])
    memories: list[Any] = field(default_factory=list[Any])
    opened: list[Any] = field(default_factory=list[Any])


async def bind(wiring: Wiring, stack: AsyncExitStack) -> dict[str, Bound]:
    """Make an instance of every service and return its operations by target; the stack closes what was opened.

    Raises:
        SettingInvalid: A parameter has no provider, or a setting names what is not there.
    """
    replaced = dict(_replacements(wiring))
    _check_names(wiring, replaced)
    bound: dict[str, Bound] = {}
    for spec in _in_order(wiring.system):
        binder = _Binder(wiring, spec)
        known = len(wiring.memories)
        instance = replaced[spec.name] if spec.name in replaced else await binder.build(stack)
        memory = next(iter(wiring.memories[known:]), None)
        alone = spec.name not in replaced and not any(map(binder.is_foreign, spec.dependencies.values()))
        for operation in spec.operations.values():
            remembers = operation.exactly_once and operation.kind is not EffectKind.READ and spec.name not in replaced
            method = getattr(instance, operation.name)
            flow = offered_by(method)
            if flow is not None:
                method = offering(flow, Runs(wiring.system, wiring.runs))
            elif remembers and memory is not None:
                method = remembering(method, operation, memory)
            bound[operation.target] = Bound(operation, method, alone=alone, exactly_once=remembers)
    return bound


def proxy_for(contract: type[S], wiring: Wiring) -> S | None:
    """Return a proxy of the service that carries out a contract, or nothing where no service does."""
    spec = wiring.system.service_for(contract)
    if spec is None:
        return None
    return make_proxy(contract, spec.operations, send=wiring.send, ids=wiring.own[Ids])


class _Binder:
    """Finds the arguments of one service's constructor."""

    def __init__(self, wiring: Wiring, spec: ServiceSpec) -> None:
        self._wiring = wiring
        self._spec = spec
        self._parameters = inspect.signature(spec.implementation).parameters

    async def build(self, stack: AsyncExitStack) -> object:
        """Open what the service asks for and make it."""
        arguments: dict[str, Any] = {}
        for name, hint in self._spec.dependencies.items():
            if self._wants(name, hint):
                arguments[name] = await self._argument(name, hint, stack)
        return self._spec.implementation(**arguments)

    def _wants(self, name: str, hint: Any) -> bool:
        """Tell whether a parameter must be given: one with a default keeps it where nothing else is there."""
        parameter = self._parameters[name]
        if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            return False
        return parameter.default is inspect.Parameter.empty or self._is_known(hint)

    def _is_known(self, hint: Any) -> bool:
        return _is_own(self._wiring, hint) or self._provider(hint) is not None

    async def _argument(self, name: str, hint: Any, stack: AsyncExitStack) -> Any:
        wiring = self._wiring
        provider = self._provider(hint)
        if provider is not None:
            default = DATABASE_URL if _is_database(hint) else ""
            url = wiring.settings.url(self._spec.name, resource_name(hint), default)
            opened = await stack.enter_async_context(provider(self._spec.name, url))
            if hasattr(opened, "forget_runs"):  # by name: `data` is an extra
                wiring.memories.append(opened)
            wiring.opened.append(opened)
            return opened
        if hint in wiring.own:
            return wiring.own[hint]
        if hint is Runs:
            return Runs(wiring.system, wiring.runs)
        if isinstance(hint, type) and issubclass(hint, Service) and (proxy := proxy_for(hint, wiring)) is not None:
            return proxy
        raise self._missing(name, hint)

    def _provider(self, hint: Any) -> Provider | None:
        given = self._wiring.providers.get(hint) if isinstance(hint, type) else None
        return (
            _open_database(self._spec, hint, self._wiring.own[Clock]) if given is None and _is_database(hint) else given
        )

    def is_foreign(self, hint: Any) -> bool:
        """Tell whether the service could change something through this that weft cannot roll back."""
        return not (_is_own(self._wiring, hint) or _is_database(hint))

    def _missing(self, name: str, hint: Any) -> SettingInvalid:
        kind = getattr(hint, "__name__", str(hint))
        what = f"service {self._spec.name} asks for {name}: {kind}, and nothing provides it"
        if isinstance(hint, type) and issubclass(hint, Service):
            remedy = f"add {kind}, or a class that implements it, to System(services=[...])"
        else:
            remedy = (
                f"give Host(providers={{{kind}: provider}}), a function (service name, url) -> async context manager"
            )
        return SettingInvalid(what, where=self._spec.where, remedy=remedy)


class NotingPort:
    """Runs as an operation sees them: what it starts or tells there does not roll back with its transaction."""

    def __init__(self, port: RunsPort) -> None:
        self._port = port
        self.result = port.result
        self.read = port.read

    async def start(
        self,
        workflow: str,
        run_id: str,
        data: bytes,
        *,
        behalf: Behalf = NOBODY,
        within_ms: int | None = None,
        on_close: OnClose = "abandon",
        queueing: Queueing = FIRST_COME,
    ) -> None:
        """Start a run."""
        _note_write()
        terms: Terms = {"within_ms": within_ms, "on_close": on_close, "queueing": queueing}
        await self._port.start(workflow, run_id, data, behalf=behalf, **terms)

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message."""
        _note_write()
        await self._port.send(workflow, run_id, kind=kind, data=data, message_id=message_id)

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer."""
        _note_write()
        return await self._port.ask(workflow, run_id, kind=kind, data=data, message_id=message_id)

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Ask a run to cancel."""
        _note_write()
        await self._port.cancel(workflow, run_id, reason)

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        _note_write()
        await self._port.terminate(workflow, run_id, who=who, why=why)


def _note_write() -> None:
    call = current_call.get()
    if call is not None:
        call.wrote_elsewhere = True


def resource_name(hint: Any) -> str:
    """Return what settings call a resource: its type's name in small letters, as in `database`."""
    name: str = getattr(hint, "__name__", str(hint))
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _is_own(wiring: Wiring, hint: Any) -> bool:
    return hint in wiring.own or hint is Runs or (isinstance(hint, type) and issubclass(hint, Service))


def _is_database(hint: Any) -> bool:
    # By name: `data` is an extra, and only a service that imports it needs it.
    module = getattr(hint, "__module__", "")
    return getattr(hint, "__name__", "") == "Database" and (module + ".").startswith(DATABASE_ROOM + ".")


def _open_database(spec: ServiceSpec, hint: Any, clock: Any) -> Provider:
    def provide(service: str, url: str) -> AbstractAsyncContextManager[Any]:
        del service
        opened: AbstractAsyncContextManager[Any] = hint.open(url, clock=clock, tables=spec.implementation.weft_tables)
        return opened

    return provide


def _in_order(system: System) -> list[ServiceSpec]:
    """Return the services so that each comes after those it depends on."""
    needs: dict[str, list[str]] = {}
    for spec in system.services.values():
        found = (system.service_for(hint) for hint in spec.dependencies.values() if isinstance(hint, type))
        needs[spec.name] = sorted(each.name for each in found if each is not None)
    return [system.services[name] for name in TopologicalSorter(needs).static_order()]


def _replacements(wiring: Wiring) -> Iterator[tuple[str, object]]:
    for contract, instance in wiring.replace.items():
        spec = wiring.system.service_for(contract)
        if spec is None:
            raise unknown_name("service to replace", contract.__name__, _contract_names(wiring.system))
        if isinstance(instance, type):
            what = f"replace= gives a class for {contract.__name__}; it takes instances"
            raise SettingInvalid(what, remedy=f"write replace={{{contract.__name__}: {instance.__name__}()}}")
        missing = [name for name in spec.operations if not inspect.iscoroutinefunction(getattr(instance, name, None))]
        if missing:
            what = f"{type(instance).__name__} replaces {contract.__name__} and has no async {', '.join(missing)}"
            raise SettingInvalid(what, where=spec.where, remedy="give it every operation of the service")
        yield spec.name, instance


def _contract_names(system: System) -> list[str]:
    return [contract.__name__ for spec in system.services.values() for contract in spec.contracts]


def _check_names(wiring: Wiring, replaced: Mapping[str, object]) -> None:
    """Refuse settings for services and resources that are not there."""
    specs = {plain(name): spec for name, spec in wiring.system.services.items()}
    for service, resources in wiring.settings.services.items():
        spec = specs.get(plain(service))
        if spec is None:
            raise unknown_name("service", service, wiring.system.services, where=f"services.{service}")
        hints = [hint for hint in spec.dependencies.values() if not _is_own(wiring, hint)]
        known = [resource_name(hint) for hint in hints]
        for resource in resources:
            if resource not in known and spec.name not in replaced:
                where = f"services.{service}.{resource}"
                raise unknown_name(f"resource of service {spec.name}", resource, known, where=where)
