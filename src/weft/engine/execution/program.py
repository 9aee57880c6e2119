"""A workflow made ready to run: its function, its codecs, and the proxies it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.model.spec import WorkflowSpec


@dataclass(frozen=True, slots=True)
class Program:
    """What an execution needs of a workflow; `services` are the arguments of its keyword-only parameters."""

    spec: WorkflowSpec
    services: Mapping[str, Any]
