"""Services and workflows once their types are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.codec import Codec
from weft.model.operation import Operation
from weft.model.service import Service
from weft.model.workflow import Workflow


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service as the System knows it.

    Attributes:
        implementation: the class that the host makes an instance of.
        contracts: every class that callers may name it by: the implementation and its Service bases.
        operations: by name.
        dependencies: the constructor's parameters by name, with their types.
        where: `file:line` of the class.
    """

    name: str
    implementation: type[Service]
    contracts: tuple[type[Service], ...]
    operations: Mapping[str, Operation]
    dependencies: Mapping[str, Any]
    where: str


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """A workflow as the System knows it; `services` are its keyword-only parameters with their types."""

    name: str
    workflow: Workflow[Any, Any]
    input: Codec[Any]
    result: Codec[Any]
    services: Mapping[str, Any]
    where: str
