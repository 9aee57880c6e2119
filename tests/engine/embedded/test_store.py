"""A store gives back what was committed to it, after any restart, and finds it in the ways an engine asks."""

from pathlib import Path

import pytest

from tests.engine.embedded.stores import (
    BLOCKED,
    COMPLETED,
    FAILED,
    NEEDS_ATTENTION,
    RUNNING,
    WAITING,
    new_entry,
    new_run,
    owned,
    read,
    with_runs,
)
from weft.engine.embedded.batch import Attempts, Batch
from weft.engine.embedded.statements import MOST_ROWS
from weft.engine.embedded.store import EntryRow, RunRow
from weft.errors import StoreFailed


def test_run_is_there_after_a_restart(tmp_path: Path) -> None:
    """A run and its journal outlive the process that wrote them."""
    with owned(tmp_path / "shop.db") as store:
        store.write(Batch(runs=[new_run(7)], entries=[new_entry(7, 0, entry=b"\x00start", commands=b"")]))

    with owned(tmp_path / "shop.db") as store:
        found = store.find("place_order", "o-7")
        journal = store.journal(7)

    assert found == RunRow(7, "place_order", "o-7", "chain-7", 0, 0, "acme", RUNNING, 1_007, 0, None, "", None)
    assert journal == [EntryRow(0, 2_000, b"\x00start", b"")]


def test_absent_runs_are_nothing(tmp_path: Path) -> None:
    """What was never written is nothing, not an error."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))

        assert store.find("place_order", "o-2") is None
        assert store.find("no_such_workflow", "o-1") is None
        assert store.row(2) is None
        assert store.journal(2) == []
        assert store.state(1, "contents") is None
        assert store.list_runs(workflow="no_such_workflow", limit=10) == []


def test_update_in_the_batch_of_its_run(tmp_path: Path) -> None:
    """A run that starts and ends in one commit stands as ended."""
    with owned(tmp_path / "shop.db") as store:
        batch = with_runs(1)
        batch.updates[1] = (WAITING, 5_000, None, "", None)
        batch.updates[1] = (COMPLETED, None, 9_000, "", b"confirmed")

        store.write(batch)

        run = store.row(1)
        assert run is not None
        assert (run.status, run.wake_ms, run.ended_ms, run.result) == (COMPLETED, None, 9_000, b"confirmed")


def test_blocked_run_answers_an_entry_later(tmp_path: Path) -> None:
    """An entry that was written without commands gets them once the run can go on."""
    with owned(tmp_path / "shop.db") as store:
        store.write(Batch(runs=[new_run(1)], entries=[new_entry(1, 0), new_entry(1, 1, commands=b"")]))

        store.write(Batch(entries=[new_entry(1, 2)], answers={(1, 1): b"call"}))

        assert [row.commands for row in store.journal(1)] == [b"commands", b"call", b"commands"]


@pytest.mark.parametrize(
    "again",
    [
        Batch(runs=[new_run(2)], entries=[new_entry(1, 0)]),
        Batch(runs=[new_run(2)], answers={(1, 0): b"other commands"}),
    ],
)
def test_entry_written_twice(tmp_path: Path, again: Batch) -> None:
    """An entry that has its commands is never overwritten: the batch that tries fails as a whole."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))

        with pytest.raises(StoreFailed):
            store.write(again)

        assert store.journal(1) == [EntryRow(*new_entry(1, 0)[1:])]
        assert store.row(2) is None


def test_run_id_taken_twice(tmp_path: Path) -> None:
    """Two runs of one workflow never have one id; two of different workflows may."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        same_id = (2, "place_order", "o-1", *new_run(2)[3:])
        other_workflow = (3, "restock", "o-1", *new_run(3)[3:])

        with pytest.raises(StoreFailed):
            store.write(Batch(runs=[same_id]))
        store.write(Batch(runs=[other_workflow]))

        assert [run.key for run in store.list_runs(limit=10)] == [3, 1]


def test_failed_batch_leaves_names_as_they_were(tmp_path: Path) -> None:
    """A workflow that was first seen in a batch that failed can be written afterwards."""
    with owned(tmp_path / "shop.db") as store:
        with pytest.raises(StoreFailed):
            store.write(Batch(runs=[new_run(1, workflow="restock"), new_run(1, workflow="restock")]))

        store.write(with_runs(1, workflow="restock"))

        assert store.find("restock", "o-1") is not None


def test_states_are_replaced(tmp_path: Path) -> None:
    """A state has its last value; other runs' states of that name are theirs."""
    with owned(tmp_path / "shop.db") as store:
        store.write(Batch(states={(1, "contents"): b"empty", (2, "contents"): b"two"}))

        store.write(Batch(states={(1, "contents"): b"full", (1, "step"): b"3"}))

        assert store.states(1) == {"contents": b"full", "step": b"3"}
        assert store.state(2, "contents") == b"two"


def test_attempts_go_when_the_call_has_ended(tmp_path: Path) -> None:
    """Attempts of a call are counted while it is retried, and gone afterwards."""
    with owned(tmp_path / "shop.db") as store:
        late, refused = Attempts(1, "timed out", 5_000), Attempts(2, "refused", 6_000)
        store.write(Batch(attempts={(1, "a"): late, (1, "b"): refused}))

        store.write(Batch(attempts={(1, "a"): None, (1, "b"): Attempts(3, "refused", 7_000), (1, "c"): None}))

        assert store.attempts(1) == {"b": (3, "refused", 7_000)}


def test_large_batch_is_one_transaction(tmp_path: Path) -> None:
    """More rows than one statement takes are still all there, or not at all."""
    keys = range(1, 2 * MOST_ROWS + 2)
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(*keys))

        with pytest.raises(StoreFailed):
            store.write(with_runs(*(key + len(keys) for key in keys[1:]), 1))

        assert store.count_runs() == {RUNNING: len(keys)}
        assert store.max_key() == len(keys)


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    """A list can be narrowed by workflow and status and read in pages."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1, 4))
        store.write(with_runs(2, workflow="restock", status=FAILED))
        store.write(with_runs(3, status=FAILED))

        def keys(**asked: int | str) -> list[int]:
            return [run.key for run in store.list_runs(**{"limit": 10, **asked})]

        assert keys() == [4, 3, 2, 1]
        assert keys(workflow="place_order") == [4, 3, 1]
        assert keys(status=FAILED) == [3, 2]
        assert keys(workflow="place_order", status=FAILED) == [3]
        assert keys(limit=2) == [4, 3]
        assert keys(limit=2, before_key=3, workflow="place_order") == [1]


def test_runs_are_counted_by_status(tmp_path: Path) -> None:
    """Counts tell how many runs stand in each status, of all workflows or of one."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1, 2, 3))
        store.write(with_runs(4, workflow="restock"))
        store.write(Batch(updates={1: (COMPLETED, None, 5_000, "", b""), 2: (BLOCKED, None, None, "why", None)}))

        assert store.count_runs() == {RUNNING: 2, COMPLETED: 1, BLOCKED: 1}
        assert store.count_runs(workflow="restock") == {RUNNING: 1}


def test_only_open_runs_wake(tmp_path: Path) -> None:
    """Runs in flight and sleepers are found by their time; ended runs and those that wait for a message are not."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1, 2, 3))
        store.write(with_runs(4, status=WAITING, wake_ms=8_000))
        store.write(with_runs(5, 6, status=NEEDS_ATTENTION, wake_ms=6_000))
        store.write(with_runs(7, status=WAITING, wake_ms=None))
        store.write(Batch(updates={2: (COMPLETED, 0, 5_000, "", None), 6: (FAILED, 6_000, 5_000, "", None)}))

        assert [run.key for run in store.in_flight(0, 10)] == [1, 3]
        assert [run.key for run in store.in_flight(1, 10)] == [3]
        assert store.due(0, 8_000, 10) == [(6_000, 5), (8_000, 4)]
        assert store.due(6_000, 7_999, 10) == []
        assert store.due(0, 8_000, 1) == [(6_000, 5)]


def test_reader_sees_each_commit(tmp_path: Path) -> None:
    """Another process's view sees what the owner commits, also workflows it has never heard of."""
    with owned(tmp_path / "shop.db") as store, read(tmp_path / "shop.db") as view:
        store.write(with_runs(1))
        first = view.find("place_order", "o-1")

        store.write(with_runs(2, workflow="restock"))

        assert first is not None
        assert view.find("restock", "o-2") is not None
        assert [run.workflow for run in view.list_runs(limit=10)] == ["restock", "place_order"]


def test_reader_needs_no_owner(tmp_path: Path) -> None:
    """Runs can be looked at while no engine runs."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))

    with read(tmp_path / "shop.db") as view:
        assert view.row(1) is not None
        assert view.epoch == 1


def test_staged_rows_are_not_seen_before_their_commit(tmp_path: Path) -> None:
    """What is staged is invisible until its commit, and forgotten by a rollback."""
    with owned(tmp_path / "shop.db") as store:
        assert store.stage(with_runs(1))
        before = store.row(1)
        store.commit()
        assert store.stage(with_runs(2))
        store.rollback()

        assert before is None
        assert store.row(1) is not None
        assert store.row(2) is None


def test_a_name_that_is_staged_while_somebody_looks_for_another(tmp_path: Path) -> None:
    """A look for a run that there is not, between stage and commit, does not make the writer forget a new workflow."""
    with owned(tmp_path / "shop.db") as store:
        assert store.stage(with_runs(1))
        assert store.find("restock", "o-1") is None
        store.commit()

        store.write(with_runs(2))

        assert [row.key for row in store.list_runs(limit=9)] == [2, 1]
