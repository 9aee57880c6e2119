"""A System: services and workflows that belong together, resolved and checked when it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from weft.errors import DeclarationInvalid
from weft.model.operation import Operation
from weft.model.problem import Problem
from weft.model.resolve import resolve_service, resolve_workflow
from weft.model.service import Service
from weft.model.spec import ServiceSpec, WorkflowSpec
from weft.model.workflow import Workflow


class System:
    """Services and workflows under one name; the System says what, settings say where.

    Raises:
        DeclarationInvalid: with every problem found, each with file and line.
    """

    def __init__(
        self, name: str, *, services: Sequence[type[Service]] = (), workflows: Sequence[Workflow[Any, Any]] = ()
    ) -> None:
        problems: list[Problem] = []
        self.name = name
        found = [resolve_service(service, problems) for service in services]
        flows = [resolve_workflow(workflow, problems) for workflow in workflows]
        self.services: Mapping[str, ServiceSpec] = MappingProxyType({spec.name: spec for spec in found})
        self.workflows: Mapping[str, WorkflowSpec] = MappingProxyType({spec.name: spec for spec in flows})
        self.operations: Mapping[str, Operation] = MappingProxyType(
            {operation.target: operation for spec in found for operation in spec.operations.values()}
        )
        if problems:
            what = f"System {name!r} is declared wrongly:\n" + "\n".join(str(problem) for problem in problems)
            raise DeclarationInvalid(what, problems=tuple(problems))

    def service_for(self, contract: type[Any]) -> ServiceSpec | None:
        """Return the service whose implementation is, or is a subclass of, the contract."""
        return next((spec for spec in self.services.values() if contract in spec.contracts), None)
