"""Names on Temporal: ids of workflows, search attributes, what is kept in memos."""

from __future__ import annotations

from typing import Any, cast

from temporalio import workflow
from temporalio.common import SearchAttributeKey

DIGEST = "weft_input"
"""In a memo: what the first input of a run is known by."""

REASON = "weft_reason"
"""In a memo: why a run is not simply running."""

STATUS = SearchAttributeKey.for_keyword("WeftStatus")
"""Set while a run needs attention, and where it ended as weft's own word says it and not Temporal's."""

TENANT = SearchAttributeKey.for_keyword("WeftTenant")

ATTENTION, CANCELLED = "needs-attention", "cancelled"


def workflow_id(name: str, run_id: str) -> str:
    """Return the id of a run's Temporal workflow, as in `place_order/o-1`."""
    return f"{name}/{run_id}"


def run_id_of(name: str, temporal_id: str) -> str:
    """Return a run's id; one that another program chose may lack the workflow's name."""
    return temporal_id.removeprefix(f"{name}/")


def show_status(word: str | None) -> None:
    """Show weft's own word for where the run stands that executes, or take it back."""
    upsert = cast("Any", workflow).upsert_search_attributes
    upsert([STATUS.value_unset() if word is None else STATUS.value_set(word)])
