"""The writer commits in groups, tells everybody in order, and never leaves anybody waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import pytest

from tests.engine.embedded.stores import child, killed, line_of, new_entry, new_run, owned, with_runs
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.store import Store
from weft.engine.embedded.writer import STAGED_ROWS, Writer
from weft.errors import StoreFailed


class Desk:
    """A writer with a record of what was told, in order."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.told: list[str] = []
        self.writer = Writer(store, asyncio.get_running_loop(), on_failed=self._stopped, on_commit=self._committed)

    def _stopped(self, error: StoreFailed) -> None:
        self.told.append(f"stopped: {error.code}")

    def _committed(self) -> None:
        self.told.append("commit")

    def write(self, name: str, batch: Batch) -> None:
        """Add a batch's rows to what is collected, and note under a name how it ends."""
        self.writer.batch.runs += batch.runs
        self.writer.batch.entries += batch.entries
        self.writer.after_commit(
            partial(self.told.append, name), lambda error: self.told.append(f"{name} {error.code}")
        )
        self.writer.schedule()


@asynccontextmanager
async def desk(path: Path) -> AsyncIterator[Desk]:
    """Open a store with a writer, and close both."""
    with owned(path) as store:
        opened = Desk(store)
        try:
            yield opened
        finally:
            await opened.writer.close()


async def test_one_turn_is_one_commit(tmp_path: Path) -> None:
    """All that becomes ready in one turn of the loop is one transaction, told in order after it is on the disk."""
    async with desk(tmp_path / "shop.db") as at:
        for key in (1, 2, 3):
            at.write(f"run {key}", with_runs(key))
        before = list(at.told)

        await at.writer.drained()

        assert before == []
        assert at.told == ["commit", "run 1", "run 2", "run 3"]
        assert len(at.store.list_runs(limit=10)) == 3


async def test_next_group_grows_during_a_commit(tmp_path: Path) -> None:
    """What comes while a commit is under way is one commit after it."""
    async with desk(tmp_path / "shop.db") as at:
        process = child(HOLD, tmp_path / "shop.db")
        assert line_of(process) == "held"
        at.write("first", with_runs(1))
        at.writer.flush()
        for key in (2, 3, 4):
            at.write(f"run {key}", with_runs(key))
            await asyncio.sleep(0)

        killed(process)
        await at.writer.drained()

        assert at.told == ["commit", "first", "commit", "run 2", "run 3", "run 4"]


async def test_told_is_on_disk(tmp_path: Path) -> None:
    """When somebody is told of a commit, every reader sees it."""
    seen: list[object] = []
    async with desk(tmp_path / "shop.db") as at:
        at.writer.batch.runs.append(new_run(1))
        at.writer.after_commit(lambda: seen.append(at.store.row(1)))

        await at.writer.drained()

    assert len(seen) == 1
    assert seen[0] is not None


async def test_nothing_to_write(tmp_path: Path) -> None:
    """Waiting without rows costs no commit, and comes after the commits before it."""
    async with desk(tmp_path / "shop.db") as at:
        at.write("run", with_runs(1))
        at.writer.flush()

        at.write("nothing", Batch())
        await at.writer.drained()

        assert at.told == ["commit", "run", "nothing"]


async def test_large_batch(tmp_path: Path) -> None:
    """A batch too large for the loop is written by the thread, with the same result."""
    keys = range(1, STAGED_ROWS + 1)
    async with desk(tmp_path / "shop.db") as at:
        at.write("large", with_runs(*keys))

        await at.writer.drained()

        assert at.told == ["commit", "large"]
        assert at.store.max_key() == len(keys)


async def test_a_turn_that_writes_on(tmp_path: Path) -> None:
    """Whoever is told of a commit may write again at once: so a run goes through its steps."""
    async with desk(tmp_path / "shop.db") as at:
        at.writer.batch.runs.append(new_run(1))

        def step(seq: int) -> None:
            at.told.append(f"step {seq}")
            if seq < 5:
                at.writer.batch.entries.append(new_entry(1, seq))
                at.writer.after_commit(partial(step, seq + 1))
                at.writer.schedule()

        step(0)
        await at.writer.drained()

        assert at.told == ["step 0", *(each for seq in range(1, 6) for each in ("commit", f"step {seq}"))]
        assert len(at.store.journal(1)) == 5


async def test_a_callback_that_raises(tmp_path: Path) -> None:
    """What one of those who are told raises goes to the loop's handler, and the others are told."""
    reported: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with desk(tmp_path / "shop.db") as at:
        at.writer.batch.runs.append(new_run(1))
        at.writer.after_commit(partial(dict[str, str]().__getitem__, "missing"))
        at.write("other", Batch())

        await at.writer.drained()

        assert at.told == ["commit", "other"]
        assert [type(error) for error in reported] == [KeyError]


async def test_callbacks_start_in_an_empty_context(tmp_path: Path) -> None:
    """Nothing of the request that happened to cause a commit leaks into those who are told of it."""
    user = ContextVar("user", default="nobody")
    async with desk(tmp_path / "shop.db") as at:
        user.set("ada")
        at.writer.batch.runs.append(new_run(1))
        at.writer.after_commit(lambda: at.told.append(user.get()))

        await at.writer.drained()

        assert at.told == ["commit", "nobody"]


async def test_pending(tmp_path: Path) -> None:
    """The writer is pending from the first row until everybody has been told."""
    async with desk(tmp_path / "shop.db") as at:
        states = [at.writer.pending]
        at.writer.batch.runs.append(new_run(1))
        states.append(at.writer.pending)
        at.writer.after_commit(lambda: states.append(at.writer.pending))

        await at.writer.drained()

        assert [*states, at.writer.pending] == [False, True, True, False]


async def test_close_forgets_what_was_not_handed_over(tmp_path: Path) -> None:
    """Closing ends the thread; what it had not been given fails and is not written."""
    async with desk(tmp_path / "shop.db") as at:
        at.write("late", with_runs(1))

        await at.writer.close()
        await at.writer.close()

        assert at.told == ["late WEFT-E313"]
        assert at.store.row(1) is None
        assert "weft-writer" not in {thread.name for thread in threading.enumerate()}
        with pytest.raises(StoreFailed, match="closed"):
            at.writer.after_commit(print)


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


async def test_cancelled_close_outlives_the_commit(tmp_path: Path) -> None:
    """Whoever is cancelled while it closes leaves no thread behind in a commit of a connection that is closed next."""
    async with desk(tmp_path / "shop.db") as at:
        process = child(HOLD, tmp_path / "shop.db")
        assert line_of(process) == "held"
        at.write("run", with_runs(1))
        at.writer.flush()
        closing = asyncio.ensure_future(at.writer.close())
        await asyncio.sleep(0)

        killed(process)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

        assert closing.cancelled()
        assert not at.writer._thread.is_alive()
