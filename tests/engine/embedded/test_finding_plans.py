"""Questions about runs go along an index: no plan scans runs or journal, and no step reads more than its share."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.engine.embedded.stores import COMPLETED, new_run, owned
from weft.engine.embedded import finding
from weft.engine.embedded.asking import condition
from weft.engine.embedded.batch import AGES, Batch
from weft.engine.embedded.finding import EXAMINED, Finder, probe, statement
from weft.engine.embedded.store import Store
from weft.flow.attribute import Attribute
from weft.model.query.binding import ask

region = Attribute("region", str)
amount = Attribute("amount", int)
RUNS = 25_000
FEW = range(100, 110)

# By the query: the index that is walked along.
ALONG = {
    "": "runs USING INTEGER PRIMARY KEY",
    "reason = 'x'": "runs USING INTEGER PRIMARY KEY",
    "created > '1970-01-01T00:00:20Z'": "runs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    "status = 'failed'": "runs USING COVERING INDEX runs_status",
    "workflow = 'place_order' and status != 'completed'": "runs USING COVERING INDEX runs_status",
    "status = 'failed' and created > '1970-01-01T00:00:20Z'": "runs_status (workflow=? AND status=? AND rowid>?",
    "workflow = 'place_order' and id = 'o-7'": "runs_id (workflow=? AND run_id=?",
    "id in ('o-7', 'o-8')": "runs_id (workflow=? AND run_id=?",
    "id starts_with 'o-777'": "runs_id (workflow=? AND run_id>? AND run_id<?)",
    "tenant = 'acme' and status = 'completed'": "runs USING INDEX runs_tenant",
    "region = 'eu'": "attributes USING COVERING INDEX attributes_value (name=? AND value=?",
    "region in ('eu', 'us') and status = 'completed'": "attributes USING COVERING INDEX attributes_value",
    "amount between 3 and 4": "attributes USING COVERING INDEX attributes_value (name=? AND value>? AND value<?)",
    "ended > '1970-01-01T00:00:49.990Z'": "runs_ended (workflow=? AND ended_ms>?",
    "status = 'completed' order by ended desc": "runs_ended (workflow=? AND ended_ms>? AND ended_ms<?)",
    "region = 'eu' or workflow = 'place_order' and id = 'o-7'": "attributes USING COVERING INDEX attributes_value",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store of many runs that have ended, a few of them with attributes and a tenant."""
    batch = Batch()
    for key in range(1, RUNS):
        run = new_run(key)
        batch.runs.append((*run[:6], "acme" if key in FEW else "", *run[7:]))
        batch.updates[key] = (COMPLETED if key % 1_000 else COMPLETED + 1, None, 1_000 + key * 2, "", None)
        if key in FEW:
            batch.attributes[key, "region"] = region.of("eu")
            batch.attributes[key, "amount"] = amount.of(key % 10)
    with owned(tmp_path_factory.mktemp("plans") / "shop.db") as opened:
        opened.write(batch)
        opened.write(Batch(also={AGES: list(Finder(opened).unwritten_ages(100))}))
        yield opened


def plans_of(store: Store, text: str) -> list[list[str]]:
    """Return how SQLite would find the runs of a query, for each walk and each look ahead."""
    finder = Finder(store)
    question = ask(text, finder.sorts(), now_ms=0)
    names = finder._names()
    residual = condition(question.where, names)
    walks = finder._way(question, names)
    sqls = [statement(question, walk, group="NULL", residual=residual)[0] for walk in walks]
    sqls += [probe(walk) for walk in walks]
    return [[row[3] for row in store.select(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))] for sql in sqls]


@contextmanager
def counting(store: Store) -> Generator[list[None]]:
    """Count what SQLite does meanwhile, ten instructions at a time."""
    steps: list[None] = []
    store._reading.set_progress_handler(lambda: steps.append(None), 10)
    yield steps
    store._reading.set_progress_handler(None, 0)


@pytest.mark.parametrize("text", ALONG)
def test_query_goes_along_an_index(store: Store, text: str) -> None:
    """Every walk begins with a search in an index, and nothing of it scans a table."""
    plans = plans_of(store, text)

    assert any(ALONG[text] in step for step in plans[0]), plans[0]
    walked = [step for plan in plans[: len(plans) // 2] for step in plan]
    assert not [step for step in walked if step.startswith(("SCAN runs", "SCAN journal", "SCAN attributes"))]


@pytest.mark.parametrize("text", [text for text in ALONG if "between" not in text and "_with" not in text])
def test_what_is_sorted_is_short(store: Store, text: str) -> None:
    """A walk along an index in another order is taken only where it is known to be short."""
    finder = Finder(store)
    question = ask(text, finder.sorts(), now_ms=0)
    walks = finder._way(question, finder._names())

    sorts = any("TEMP B-TREE" in step for plan in plans_of(store, text) for step in plan)

    assert not sorts or finder._length(walks) <= finding.PROBED


def test_step_examines_its_share(store: Store) -> None:
    """A question that no index answers looks at a bounded number of runs a step, and says where it goes on."""
    finder = Finder(store)
    question = ask("reason = 'no such'", {}, now_ms=0)

    first = finder.page(question, limit=10)
    second = finder.page(question, limit=10, after=first.position)

    assert (first.examined, first.position) == (EXAMINED, (RUNS - EXAMINED, RUNS - EXAMINED))
    assert second.position == (RUNS - 2 * EXAMINED, RUNS - 2 * EXAMINED)


def test_age_keeps_to_its_blocks(store: Store) -> None:
    """A question about a time walks past the runs of that time only, though no index has it."""
    finder = Finder(store)
    question = ask("created between '1970-01-01T00:00:03Z' and '1970-01-01T00:00:04Z' and reason = 'x'", {}, now_ms=0)

    step = finder.page(question, limit=10)

    assert step.position is None
    assert step.examined <= 4 * finding.BLOCK_KEYS


@pytest.mark.parametrize("order", ["created desc", "created asc", "ended desc", "ended asc"])
@pytest.mark.parametrize(
    "where", ["created > '1970-01-01T00:00:05Z'", "ended > '1970-01-01T00:00:05Z'", "reason is null"]
)
def test_later_page_costs_what_the_first_does(store: Store, where: str, order: str) -> None:
    """A page begins where the one before ended, without passing over what was there before."""
    finder = Finder(store)
    question = ask(f"{where} order by {order}", {}, now_ms=0)
    costs: list[int] = []
    position = None

    for _ in range(5):
        with counting(store) as steps:
            position = finder.page(question, limit=100, after=position).position
        costs.append(len(steps))

    assert max(costs[1:]) <= costs[0] * 1.5
