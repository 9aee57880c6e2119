"""Today's code as replays need it: every workflow of a System with proxies that reach nobody."""

from __future__ import annotations

from typing import Any, NoReturn, cast

from weft.engine.embedded.rehearsal import Rehearser
from weft.engine.execution.program import Program
from weft.errors import NotDeterministic
from weft.flow.ambient_runs import OPERATIONS, AmbientRuns
from weft.flow.port import RunsPort
from weft.flow.proxy import make_proxy
from weft.flow.runs import Runs
from weft.ids import SystemIds
from weft.model.call import Call, Outcome
from weft.model.policy import Limits
from weft.model.spec import WorkflowSpec
from weft.model.system import System


def rehearser_of(system: System, *, limits: Limits | None = None) -> Rehearser:
    """Return what replays journals against the code of a System, without a store, services or effects."""
    return Rehearser(programs_of(system), {**OPERATIONS, **system.operations}, limits or Limits())


def programs_of(system: System) -> dict[str, Program]:
    """Return every workflow of a System by its name, with services that reach nobody."""
    return {spec.name: _program(system, spec) for spec in system.workflows.values()}


def _program(system: System, spec: WorkflowSpec) -> Program:
    return Program(spec, {name: _service(system, hint) for name, hint in spec.services.items()})


def _service(system: System, hint: Any) -> Any:
    if hint is Runs:
        return Runs(system, AmbientRuns(cast("RunsPort", _Nowhere())))
    service = system.service_for(hint)
    assert service is not None, "a System knows the services of its workflows"
    return make_proxy(hint, service.operations, send=_send, ids=SystemIds())


async def _send(call: Call) -> Outcome:
    _refuse(call.target)


def _refuse(what: str) -> NoReturn:
    message = f"{what} was asked for in a replay, outside of its run"
    raise NotDeterministic(message, remedy="call services from the workflow's own tasks")


class _Nowhere:
    """Stands behind Runs where nothing is reached."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_: object, **__: object) -> NoReturn:
            _refuse(f"runs.{name}")

        return refuse
