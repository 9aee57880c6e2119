"""Any process can ask something of a run: the request is on disk at once, and the owner sees it, now or later."""

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.stores import child, killed, line_of, owned, read, with_runs
from weft.engine.embedded import store as store_module
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.requests import Request, RequestRow, append_request
from weft.errors import SettingInvalid, StoreFailed

CANCEL = Request("place_order", "o-1", "cancel", b"", "ada", "the customer called", 3_000)

APPEND = """
import sys
from pathlib import Path
from weft.engine.embedded.requests import Request, append_request
request = Request("place_order", "o-1", "signal", b"approved", "ada", "", 3_000)
print(append_request(Path(sys.argv[1]), request), flush=True)
"""

HOLD_THE_WRITE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


def test_request_from_another_process(tmp_path: Path) -> None:
    """The owner notices what another process appends while it runs."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        store.changed()
        before = store.changed()

        process = child(APPEND, tmp_path / "shop.db")
        id_ = int(line_of(process))
        process.communicate()

        assert not before
        assert store.changed()
        assert store.pending_requests(0) == [
            RequestRow(id_, "place_order", "o-1", "signal", b"approved", "ada", "", 3_000)
        ]


def test_a_reason_in_no_encoding_is_kept_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    """A byte of a shell's argument that is no text becomes a question mark, instead of losing the request."""
    with owned(tmp_path / "shop.db") as store:
        append_request(tmp_path / "shop.db", dataclasses.replace(CANCEL, who="ad\udcff", why="not \udcff wanted"))

        assert [(row.who, row.why) for row in store.pending_requests(0)] == [("ad?", "not ? wanted")]


def test_request_while_no_engine_runs(tmp_path: Path) -> None:
    """A request that nobody could take waits for the next owner."""
    with owned(tmp_path / "shop.db"):
        pass

    append_request(tmp_path / "shop.db", CANCEL)

    with owned(tmp_path / "shop.db") as store:
        assert [row.why for row in store.pending_requests(0)] == ["the customer called"]


def test_request_is_done_with_its_entry(tmp_path: Path) -> None:
    """A request is gone once it is journalled, in the same commit; those behind it stay."""
    with owned(tmp_path / "shop.db") as store:
        first, second = (append_request(tmp_path / "shop.db", CANCEL) for _ in range(2))

        store.write(Batch(requests_done=[first]))

        assert [row.id for row in store.pending_requests(0)] == [second]
        assert store.pending_requests(second) == []


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    """A request that comes after all others were done has a larger id, so that it is seen."""
    with owned(tmp_path / "shop.db") as store:
        first = append_request(tmp_path / "shop.db", CANCEL)
        store.write(Batch(requests_done=[first]))

        append_request(tmp_path / "shop.db", CANCEL)

        assert len(store.pending_requests(first)) == 1


def test_requests_are_read_in_portions(tmp_path: Path) -> None:
    """A backlog is read in limited portions, in order, without loss."""
    count = store_module.MOST_REQUESTS + 1
    with owned(tmp_path / "shop.db") as store:
        store._writer().execute(
            "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n LIMIT ?) "
            "INSERT INTO requests (workflow, run_id, kind, body, who, why, at_ms) "
            "SELECT 'place_order', i, 'cancel', x'', '', '', 0 FROM n",
            (count,),
        )

        portion = store.pending_requests(0)
        rest = store.pending_requests(portion[-1].id)

        assert [row.run_id for row in (*portion, *rest)] == [str(number) for number in range(count)]


def test_owner_does_not_wait_on_the_loop_for_a_request(tmp_path: Path) -> None:
    """While another process holds the write lock staging is declined at once, and possible again afterwards."""
    with owned(tmp_path / "shop.db") as store:
        process = child(HOLD_THE_WRITE_LOCK, tmp_path / "shop.db")
        assert line_of(process) == "held"

        declined = store.stage(with_runs(1))
        killed(process)

        assert declined is False
        store.write(with_runs(1))
        assert store.row(1) is not None


def test_request_waits_for_a_commit_under_way(tmp_path: Path) -> None:
    """A request made while the owner commits is written after it."""
    with owned(tmp_path / "shop.db") as store:
        assert store.stage(with_runs(1))
        process = child(APPEND, tmp_path / "shop.db")

        store.commit()

        assert line_of(process) == "1"
        process.communicate()


def test_request_to_no_store(tmp_path: Path) -> None:
    """A request to a path without a store makes none."""
    with pytest.raises(SettingInvalid, match=r"shop\.db"):
        append_request(tmp_path / "shop.db", CANCEL)

    assert list(tmp_path.iterdir()) == []


def test_request_to_another_database(tmp_path: Path) -> None:
    """A request to a database that is not a store leaves it as it is."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE requests (id INTEGER PRIMARY KEY)")

        with pytest.raises(StoreFailed, match="not a weft store"):
            append_request(tmp_path / "other.db", CANCEL)

        assert other.execute("SELECT count(*) FROM requests").fetchone() == (0,)


def test_reader_sees_requests(tmp_path: Path) -> None:
    """A view of the store shows what is waiting to be taken."""
    with owned(tmp_path / "shop.db"), read(tmp_path / "shop.db") as view:
        append_request(tmp_path / "shop.db", CANCEL)

        assert view.changed()
        assert [row.kind for row in view.pending_requests(0)] == ["cancel"]
