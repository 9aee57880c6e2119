"""The fields that every run has, by weft's names and by Temporal's."""

from __future__ import annotations

from enum import Enum

from weft.model.run import RunStatus


class Sort(Enum):
    """What a field holds, as far as it can be compared."""

    TEXT = "text"
    STATUS = "status"
    TIME = "time"
    WHOLE = "whole number"
    NUMBER = "number"
    TRUTH = "true or false"
    TEXTS = "texts"
    INSTANT = "time of an attribute"


FIELDS: dict[str, tuple[str, Sort]] = {
    "workflow": ("workflow", Sort.TEXT),
    "id": ("id", Sort.TEXT),
    "status": ("status", Sort.STATUS),
    "tenant": ("tenant", Sort.TEXT),
    "created": ("created", Sort.TIME),
    "ended": ("ended", Sort.TIME),
    "reason": ("reason", Sort.TEXT),
    "generation": ("generation", Sort.WHOLE),
    "WorkflowType": ("workflow", Sort.TEXT),
    "WorkflowId": ("id", Sort.TEXT),
    "ExecutionStatus": ("status", Sort.STATUS),
    "StartTime": ("created", Sort.TIME),
    "CloseTime": ("ended", Sort.TIME),
}
"""By the name in a query: the field, and what it holds. Attributes of a System may not take these names."""

_OPEN = frozenset(each for each in RunStatus if each.is_open)

STATUSES: dict[str, frozenset[RunStatus]] = {
    **{each.name.lower().replace("_", ""): frozenset({each}) for each in RunStatus},
    "open": _OPEN,
    "closed": frozenset(RunStatus) - _OPEN,
}
"""By the word in a query, without spaces and dashes."""

TEMPORAL_STATUSES: dict[str, frozenset[RunStatus]] = {
    "running": _OPEN,
    "completed": STATUSES["completed"],
    "failed": STATUSES["failed"],
    "canceled": STATUSES["cancelled"],
    "terminated": STATUSES["terminated"],
}
"""The words of `ExecutionStatus`; weft tells four kinds of running apart."""
