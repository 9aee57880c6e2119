"""Runs are found by what a question says: the same that somebody finds who reads all of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.embedded.stores import owned
from tests.model.query.queries import meant, nested
from weft.engine.embedded.batch import AGES as AGES_WRITTEN
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.finding import MOST_RANGES, Finder, islands
from weft.engine.embedded.store import Store
from weft.flow.attribute import Attribute
from weft.model.query.binding import Field, Question, bind
from weft.model.query.fields import Sort
from weft.model.query.tree import (
    OPERATORS,
    Between,
    Compare,
    Condition,
    IsNull,
    Name,
    Number,
    OneOf,
    Order,
    Query,
    StartsWith,
    Text,
    Value,
)
from weft.model.run import RunStatus

region = Attribute("region", str)
amount = Attribute("amount", int)
tags = Attribute("tags", tuple[str, ...])
RUNS = 300
BLOCK_KEYS = 50
WORDS = ("", "a", "ab", "b", "eu", "é", "\U0010ffff")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store with runs of every kind, some with attributes, and summaries of their ages."""
    with owned(tmp_path_factory.mktemp("found") / "shop.db") as opened:
        opened.write(filled())
        opened.write(Batch(also={AGES_WRITTEN: list(Finder(opened, block_keys=BLOCK_KEYS).unwritten_ages(4))}))
        yield opened


def filled() -> Batch:
    """Return runs whose fields take few values each, in many combinations."""
    batch = Batch()
    for key in range(1, RUNS + 1):
        workflow, status = ("place_order", "cart", "ship")[key % 3], key % len(RunStatus)
        created_ms = 1_000 + key * 10 - (500 if key % 50 == 0 else 0)  # clocks jump
        tenant = WORDS[key % 5] if key % 2 else ""
        batch.runs.append((key, workflow, f"{WORDS[key % 7]}-{key}", f"c-{key}", 0, 0, tenant, 0, created_ms, 0))
        ended_ms = created_ms + 977 * key % 3_000 if status >= RunStatus.COMPLETED else None
        batch.updates[key] = (status, None, ended_ms, WORDS[key % 4], None)
        batch.generations[key] = key % 3
        if key % 4:
            batch.attributes[key, "region"] = region.of(WORDS[key % 6])
            batch.attributes[key, "amount"] = amount.of(key % 11 - 5)
        if key % 5:
            batch.attributes[key, "tags"] = tags.of(tuple({WORDS[key % 6], WORDS[key % 7]}))
    return batch


def runs_of(store: Store) -> list[dict[str, Any]]:
    """Return all runs as somebody sees them who reads everything."""
    finder = Finder(store)
    found: list[dict[str, Any]] = []
    for row in store.list_runs(limit=RUNS):
        values = {name: each if name == "tags" else each[0] for name, (_, each) in finder.attributes(row.key).items()}
        fields = {"workflow": row.workflow, "id": row.run_id, "status": row.status, "generation": row.generation}
        texts = {"tenant": row.tenant or None, "reason": row.reason or None}
        found.append({**values, **fields, **texts, "created": row.created_ms, "ended": row.ended_ms, "key": row.key})
    return found


def _of(*names: str, values: st.SearchStrategy[Value], ordered: bool = True) -> st.SearchStrategy[Condition]:
    named = st.sampled_from(names).map(Name)
    several = st.lists(values, min_size=1, max_size=3).map(tuple)
    equal = st.builds(Compare, named, st.sampled_from(OPERATORS if ordered else ("=", "!=")), values)
    found = equal | st.builds(OneOf, named, several) | st.builds(IsNull, named)
    return found | st.builds(Between, named, values, values) if ordered else found


TEXT = st.sampled_from([*WORDS, "place_order", "ship", "ab-9"]).map(Text)
CONDITIONS = nested(
    _of("workflow", "id", "tenant", "reason", "region", values=TEXT)
    | _of("tags", values=TEXT, ordered=False)
    | st.builds(StartsWith, st.sampled_from(["workflow", "id", "tenant", "region", "tags"]).map(Name), TEXT)
    | _of("amount", "generation", values=st.integers(-6, 6).map(Number))
    | _of(
        "created", "ended", values=st.integers(900, 6_000).map(lambda at: Text(f"1970-01-01T00:00:{at / 1000:06.3f}Z"))
    )
    | _of("status", values=st.sampled_from([each.label for each in RunStatus]).map(Text), ordered=False)
)
ORDERS = st.none() | st.builds(Order, st.sampled_from(["created", "ended"]).map(Name), st.booleans())


def question_of(store: Store, where: Condition | None, order: Order | None) -> Question:
    """Return a question to the store."""
    return bind(Query(where, order), Finder(store).sorts(), now_ms=0)


def all_found(store: Store, question: Question, *, limit: int) -> list[int]:
    """Return the keys of all runs that are meant, page by page."""
    finder = Finder(store, block_keys=BLOCK_KEYS)
    step = finder.page(question, limit=limit)
    keys = [row.key for row in step.rows]
    while step.position is not None:
        step = finder.page(question, limit=limit, after=step.position)
        keys += [row.key for row in step.rows]
    return keys


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=CONDITIONS, order=ORDERS, limit=st.sampled_from([1, 7, 1_000]), by=st.sampled_from(["status", "tenant"]))
def test_store_finds_what_is_meant(store: Store, where: Condition, order: Order | None, limit: int, by: str) -> None:
    """The SQL of a question finds, in order and page by page, and counts, what a naive reader finds."""
    question = question_of(store, where, order)
    runs = [run for run in runs_of(store) if meant(question.where, run)]

    def place(run: dict[str, Any]) -> tuple[int, int]:
        return (run["ended"] if question.by_ended else run["key"], run["key"])

    runs.sort(key=place, reverse=question.descending)
    tally = Finder(store, block_keys=BLOCK_KEYS).count(question, by=Field(by, Sort.TEXT))

    assert all_found(store, question, limit=limit) == [run["key"] for run in runs]
    assert tally.counts == Counter("" if run[by] is None else run[by] for run in runs)


@given(st.sets(st.integers(0, 200), max_size=30).map(sorted))
def test_ranges_of_blocks_leave_none_out(numbers: list[int]) -> None:
    """Every block lies in a range; there are few ranges, and what lies between two of them is no block."""
    found = islands(numbers)

    covered = {number for first, last in found for number in range(first, last + 1)}
    assert set(numbers) <= covered
    assert len(found) <= MOST_RANGES
    assert len(found) == MOST_RANGES or covered == set(numbers)
