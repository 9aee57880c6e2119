"""The language in which runs are asked for: what is written is what is meant, and mistakes are shown where they are."""

import pytest
from hypothesis import given

from tests.model.query.queries import QUERIES
from weft.errors import QueryInvalid
from weft.model.query.binding import Every, Field, Holds, Opposite, ask
from weft.model.query.fields import Sort
from weft.model.query.mistakes import pointed
from weft.model.query.parser import parse
from weft.model.query.rendering import render
from weft.model.query.tree import Query

KNOWN = {"region": Sort.TEXT, "amount": Sort.WHOLE, "rush": Sort.TRUTH, "tags": Sort.TEXTS, "due": Sort.INSTANT}
HOUR_MS = 3_600_000

# By the text: the column, from 1, and a word of what is said.
MISTAKES = {
    "": (),
    "status": (7, "comparison"),
    "status = ": (10, "value belongs"),
    "status = 'asleep'": (10, "no status"),
    "status > 'failed'": (1, "before or after"),
    "statis = 'failed'": (1, "no field"),
    "status = 'failed": (10, "not closed"),
    "status = 'failed' or": (21, "field belongs"),
    "(status = 'failed'": (19, "not closed"),
    "status = 'failed')": (18, "nothing may follow"),
    "region in 'eu'": (11, "parentheses"),
    "region in ('eu' 'us')": (17, "ends with a parenthesis"),
    "region like '%eu'": (13, "beginnings only"),
    "region like 'e_%'": (13, "beginnings only"),
    "region = null": (10, "value belongs"),
    "region is 'eu'": (11, "null"),
    "region between 'a' 'b'": (20, "second value"),
    "amount = '12'": (10, "whole number"),
    "amount = 1.5": (10, "whole number"),
    "amount = 99999999999999999999": (10, "too large"),
    "amount starts_with '1'": (1, "no text"),
    "rush > true": (1, "says nothing"),
    "created > 'yesterday'": (11, "no time"),
    "created > '2026-03-01T09:00:00'": (11, "zone"),
    "created > -2y": (11, "neither"),
    "created > -999999999w": (11, "two hundred"),
    "region = 'eu' order created": (21, "`by`"),
    "order by region": (10, "order"),
    "region ~ 'eu'": (8, "no meaning"),
    "not " * 40 + "region = 'eu'": (129, "nested deeper"),
    " or ".join(["region = 'eu'"] * 201): (None, "200 terms"),
    "region = '" + "e" * 10_000: (10_001, "10,010 characters"),
}


@given(QUERIES)
def test_text_of_a_query_reads_as_the_query(query: Query) -> None:
    """What is rendered is parsed as the same."""
    assert parse(render(query)) == query


@pytest.mark.parametrize("text", [text for text, said in MISTAKES.items() if said], ids=lambda text: text[:30])
def test_mistake_is_shown_at_its_column(text: str) -> None:
    """What cannot be read is said with the column, a caret below it, and what to write."""
    column, word = MISTAKES[text]

    with pytest.raises(QueryInvalid, match=word) as caught:
        ask(text, KNOWN, now_ms=0)

    assert caught.value.data["column"] == (column or caught.value.data["column"])
    assert caught.value.where.endswith("^")
    assert caught.value.advice


def test_caret_stands_below_wide_characters() -> None:
    """A caret is put below its place also where characters take two columns of a terminal."""
    text = "workflow = '下单' ~"

    assert pointed(text, text.index("~")).splitlines()[1].index("^") == 5 + len(text) - 1 + 2


def test_time_from_now_is_counted_from_the_question() -> None:
    """`-1h` is one hour before the time that the question says."""
    question = ask("created > -1h30m", {}, now_ms=10 * HOUR_MS)

    assert question.where == Holds(Field("created", Sort.TIME), ">", (10 * HOUR_MS - HOUR_MS * 3 // 2,))


def test_temporal_filter_is_understood() -> None:
    """The text of a list filter of Temporal's asks the same here."""
    theirs = 'WorkflowType = "place_order" AND ExecutionStatus = "Running" AND StartTime > "2026-03-01T00:00:00Z"'
    ours = "workflow = 'place_order' and status in ('open') and created > '2026-03-01T01:00:00+01:00'"

    assert ask(theirs, {}, now_ms=0) == ask(ours, {}, now_ms=0)


def test_order_by_end_leaves_open_runs_out() -> None:
    """What has not ended has no place in the order of ends."""
    question = ask("order by ended desc", {}, now_ms=0)

    assert question.by_ended
    assert question.where == Every((Every(()), Opposite(Holds(Field("ended", Sort.TIME), "null"))))
