"""A query becomes Temporal's list filter, or is refused with the column of what cannot be said."""

from __future__ import annotations

import pytest

from weft.engine.temporal.filters import filter_of, read_question
from weft.errors import QueryInvalid
from weft.model.query.fields import Sort
from weft.model.query.parser import parse

SORTS = {"region": Sort.TEXT, "cents": Sort.WHOLE, "tags": Sort.TEXTS, "paid": Sort.TRUTH}


def said(text: str) -> str:
    """Return the list filter of a query at the time 0."""
    return filter_of(read_question(parse(text), SORTS, now_ms=0), workflows=("a", "b"))


@pytest.mark.parametrize(
    ("query", "filter_"),
    [
        ("", ""),
        ("workflow = 'a'", "WorkflowType = 'a'"),
        ("id = 'o-1'", "WorkflowId IN ('a/o-1', 'b/o-1')"),
        ("status = 'open'", "ExecutionStatus = 'Running'"),
        ("status not in ('open', 'failed', 'cancelled', 'terminated')", "ExecutionStatus = 'Completed'"),
        ("tenant = 'o''b'", "(WeftTenant IS NOT NULL AND WeftTenant = 'o''b')"),
        ("not (cents > 5)", "(`cents` IS NULL OR `cents` <= 5)"),
        ("not (tags = 'x')", "(`tags` IS NULL OR `tags` != 'x')"),
        ("paid = true or id = 'x'", "((`paid` IS NOT NULL AND `paid` = true) OR WorkflowId IN ('a/x', 'b/x'))"),
        ("created > -1s", "StartTime >= '1969-12-31T23:59:59.001000Z'"),
        ("ended is null", "CloseTime IS NULL"),
    ],
)  # fmt: skip
def test_a_query_becomes_a_list_filter(query: str, filter_: str) -> None:
    """Each part has its counterpart, and `not` goes down to the comparisons."""
    assert said(query) == filter_


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("status = 'blocked'", 10),
        ("workflow = 'a' and status in ('failed', 'waiting')", 41),
        ("reason = 'x'", 1),
        ("not (generation > 2)", 6),
        ("workflow = 'a' order by created", 25),
        ("id starts_with 'o-'", 1),
        ("tags != 'x'", 1),
        ("tags starts_with 'x'", 1),
        ("nothing = 'x'", 1),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_column(query: str, column: int) -> None:
    """The error points at the word that Temporal's list filter has no counterpart for."""
    with pytest.raises(QueryInvalid) as refused:
        said(query)

    assert refused.value.data["column"] == column
    assert refused.value.advice


def test_an_id_needs_its_workflow() -> None:
    """Where no code is at hand, the query says of which workflow an id is."""
    question = read_question(parse("workflow = 'a' and id = 'o-1'"), SORTS, now_ms=0)
    bare = read_question(parse("id = 'o-1'"), SORTS, now_ms=0)

    assert filter_of(question) == "(WorkflowType = 'a' AND WorkflowId IN ('a/o-1'))"
    with pytest.raises(QueryInvalid, match="workflow's name"):
        filter_of(bare)
