"""`weft runs list --where` and `count`: from another process than the one that runs them."""

from __future__ import annotations

import pytest

from tests.cli.commands import DESK, Start, Weft, letters, run_desk


@pytest.fixture
def sent() -> None:
    """Leave a store with five letters sent and two refused."""
    heavy = [{"id": f"heavy-{each}", "stamps": 9} for each in range(2)]
    run_desk("send", "--input", letters("letters.jsonl", *({"id": f"l-{each}"} for each in range(5)), *heavy))


def ids(weft: Weft, *arguments: str) -> list[str]:
    """Return the ids that a list shows."""
    return [line["id"] for line in weft("runs", "list", "--json", *arguments).lines]


@pytest.mark.usefixtures("sent")
def test_where_selects(weft: Weft) -> None:
    """A query lists what it holds of, in its order, and joins with the other options."""
    failed = ids(weft, "--where", "status = 'failed' and created > -1h order by created asc")
    prefix = ids(weft, "--where", "id starts_with 'l-' order by ended desc")
    both = ids(weft, "--where", "id like 'heavy%' or id = 'l-1'", "--status", "completed")

    assert failed == ["heavy-0", "heavy-1"]
    assert sorted(prefix) == [f"l-{each}" for each in range(5)]
    assert both == ["l-1"]


@pytest.mark.usefixtures("sent")
def test_pages_follow_one_another(weft: Weft) -> None:
    """Each page names the cursor of the next, and together they are the whole list."""
    whole = ids(weft)
    pages: list[str] = []
    cursor: tuple[str, ...] = ()

    for _ in range(4):
        answer = weft("runs", "list", "--json", "--limit", "2", *cursor)
        pages += [line["id"] for line in answer.lines]
        cursor = ("--after", answer.err.split()[-1]) if "--after" in answer.err else ()

    assert pages == whole
    assert cursor == ()


@pytest.mark.usefixtures("sent")
def test_count_by_field(weft: Weft) -> None:
    """Runs are counted, all or by a field, as a number, a table, or lines of JSON."""
    total = weft("runs", "count", "--where", "status = 'completed'")
    table = weft("runs", "count", "--by", "status")
    lines = weft("runs", "count", "--by", "workflow", "--where", "created > -1d", "--json").lines

    assert total.out == "5\n"
    assert [line.split() for line in table.out.splitlines()] == [
        ["status", "runs"],
        ["completed", "5"],
        ["failed", "2"],
    ]
    assert lines == [{"workflow": "send", "runs": 7}]


@pytest.mark.usefixtures("sent")
def test_mistake_points_at_its_column(weft: Weft) -> None:
    """A query that cannot be read ends with exit code 2, and a caret stands below the mistake."""
    answer = weft("runs", "list", "--where", "status = failed")
    other = weft("runs", "list", "--after", "x", "--where", "status = 'failed'")
    by = weft("runs", "count", "--by", "reason")

    place, caret = answer.err.splitlines()[1:3]
    assert (answer.code, other.code, by.code) == (2, 2, 2)
    assert caret.index("^") == place.index("failed")
    assert "WEFT-E332" in other.err
    assert "count by one of status, workflow, tenant" in by.err


def test_list_beside_a_running_engine(weft: Weft, start: Start) -> None:
    """What an engine in another process has committed is found at once."""
    source = letters("letters.jsonl", {"id": "a"}, {"id": "b"})
    engine = start(str(DESK), "approve", "--input", source, ready="all started")

    waiting = ids(weft, "--where", "status in ('waiting', 'running') and workflow = 'approve'")
    open_runs = weft("runs", "count", "--where", "ended is null").out

    assert (sorted(waiting), open_runs) == (["a", "b"], "2\n")
    engine.stop()
