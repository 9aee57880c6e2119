"""A System: services and workflows that belong together, resolved and checked when it is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from weft.errors import DeclarationInvalid
from weft.model.determinism import judge_determinism
from weft.model.inner_calls import judge_inner_calls
from weft.model.naming import judge_name, judge_unique
from weft.model.offering import judge_offers
from weft.model.operation import Operation
from weft.model.place import label_of, place_of, statement_place
from weft.model.problem import Problem
from weft.model.resolve import resolve_service, resolve_workflow
from weft.model.schedule import Schedule, ScheduleSpec
from weft.model.scheduling import resolve_schedules
from weft.model.service import Service, is_service
from weft.model.spec import ServiceSpec, WorkflowSpec
from weft.model.wiring import judge_wiring, resources_of
from weft.model.workflow import Workflow


class System:
    """Services and workflows under one name; the System says what, settings say where.

    Attributes:
        name: what a store that belongs to it is marked with.
        where: `file:line` of the statement that builds it.
        services: by name.
        workflows: by name.
        operations: by `service.operation`.
        schedules: by id; an engine that opens a store makes those of its System what they are here.

    Raises:
        DeclarationInvalid: with every problem found, each with file and line.
    """

    def __init__(
        self,
        name: str,
        *,
        services: Sequence[type[Service]] = (),
        workflows: Sequence[Workflow[Any, Any]] = (),
        schedules: Sequence[Schedule] = (),
    ) -> None:
        self.name = name
        self.where = statement_place()
        problems = judge_name(name, "System", self.where)
        implementations = _only_services(services, self.where, problems)
        functions = _only_workflows(workflows, self.where, problems)
        found = [resolve_service(each, problems) for each in implementations]
        flows = [resolve_workflow(each, problems) for each in functions]
        problems.extend(judge_unique([(spec.name, spec.where) for spec in found], "service"))
        problems.extend(judge_unique([(spec.name, spec.where) for spec in flows], "workflow"))
        problems.extend(judge_wiring(found, flows))
        problems.extend(judge_offers(found, flows))
        problems.extend(judge_inner_calls(found))
        problems.extend(judge_determinism(functions))
        planned = resolve_schedules(schedules, flows, where=self.where, problems=problems)
        self.services: Mapping[str, ServiceSpec] = MappingProxyType({spec.name: spec for spec in found})
        self.workflows: Mapping[str, WorkflowSpec] = MappingProxyType({spec.name: spec for spec in flows})
        self.operations: Mapping[str, Operation] = MappingProxyType(
            {operation.target: operation for spec in found for operation in spec.operations.values()}
        )
        self.schedules: Mapping[str, ScheduleSpec] = MappingProxyType({spec.id: spec for spec in planned})
        if problems:
            raise _invalid(name, dict.fromkeys(problems))

    def service_for(self, contract: type[Any]) -> ServiceSpec | None:
        """Return the service whose implementation is, or is a subclass of, the contract."""
        return next((spec for spec in self.services.values() if contract in spec.contracts), None)

    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what providers must give: by service, the constructor's parameters of other types.

        Parameters with a default are left out: where no provider is found for them, the default stands.
        """
        found = {name: resources_of(spec) for name, spec in self.services.items()}
        return {name: resources for name, resources in found.items() if resources}


def _only_services(given: Iterable[object], where: str, problems: list[Problem]) -> list[type[Service]]:
    found: list[type[Service]] = []
    for each in given:
        if not is_service(each):
            what = f"{label_of(each)} is given as a service, but is no subclass of Service"
            problems.append(Problem(where, what, "list classes: `class Inventory(Service)`, not instances"))
        elif each in found:
            problems.append(Problem(where, f"{each.__name__} ({place_of(each)}) is listed twice", "list it once"))
        else:
            found.append(each)
    return found


def _only_workflows(given: Iterable[object], where: str, problems: list[Problem]) -> list[Workflow[Any, Any]]:
    found: list[Workflow[Any, Any]] = []
    for each in given:
        if not isinstance(each, Workflow):
            what = f"{label_of(each)} is given as a workflow, but is none"
            problems.append(Problem(where, what, "declare it with @workflow"))
            continue
        flow = cast("Workflow[Any, Any]", each)
        if flow in found:
            problems.append(Problem(where, f"workflow {flow.name} ({flow.where}) is listed twice", "list it once"))
        else:
            found.append(flow)
    return found


def _invalid(name: str, problems: Iterable[Problem]) -> DeclarationInvalid:
    listed = tuple(problems)
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    what = f"System {name!r} is declared wrongly, {count}:\n" + "\n".join(str(each) for each in listed)
    return DeclarationInvalid(what, problems=listed)
