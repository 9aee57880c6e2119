"""A commit that fails stops the writer, and everybody who waits is told so, whatever the failure was."""

import asyncio
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.engine.embedded.stores import SYSTEM, child, line_of, new_entry, owned, with_runs
from weft.engine.embedded.batch import Batch
from weft.engine.embedded.store import Store
from weft.engine.embedded.writer import STAGED_ROWS, Writer
from weft.errors import StoreFailed


class Dying(Store):
    """A store whose commit ends its thread in a way that no code expects."""

    def commit(self) -> None:
        """Die."""
        raise SystemExit


def fill_the_disk(store: Store) -> None:
    """Leave no space for another page."""
    pages = store._writer().execute("PRAGMA page_count").fetchone()[0]
    store._writer().execute(f"PRAGMA max_page_count = {pages}")


def batch_of(rows: int) -> Batch:
    """Make a batch of this many rows, too large for the space that is left."""
    return Batch(entries=[new_entry(1, seq, entry=bytes(200)) for seq in range(1, rows + 1)])


async def outcome(writer: Writer, batches: list[Batch]) -> list[str]:
    """Write batches one after another while each is under way, and return what was told."""
    told: list[str] = []
    for number, batch in enumerate(batches):
        writer.batch = batch
        writer.after_commit(
            partial(told.append, f"{number} done"), lambda error, number=number: told.append(f"{number} {error.code}")
        )
        writer.flush()
    with pytest.raises(StoreFailed):
        await writer.drained()
    return told


@pytest.mark.parametrize("rows", [100, STAGED_ROWS + 1])
async def test_full_disk(tmp_path: Path, rows: int) -> None:
    """A full disk fails the batch under way and the one behind it, on the loop as on the thread, each once."""
    stopped: list[StoreFailed] = []
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        fill_the_disk(store)
        writer = Writer(store, asyncio.get_running_loop(), on_failed=stopped.append)
        first, second = batch_of(rows), with_runs(2)

        told: list[str] = []
        writer.batch = first
        writer.after_commit(partial(told.append, "done"), lambda error: told.append(f"first {error.code}"))
        writer.schedule()
        await asyncio.sleep(0)
        if writer.failed is None:
            writer.batch = second
            writer.after_commit(partial(told.append, "done"), lambda error: told.append(f"second {error.code}"))
        with pytest.raises(StoreFailed):
            await writer.drained()

        assert [line.split()[1] for line in told] == ["WEFT-E313"] * len(told)
        assert len(stopped) == 1
        assert "SQLITE_FULL" in str(stopped[0])
        assert len(store.journal(1)) == 1
        await writer.close()


async def test_nothing_is_accepted_after_a_failure(tmp_path: Path) -> None:
    """Whoever comes after a failed commit is refused at once, with the failure as the cause."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        fill_the_disk(store)
        writer = Writer(store, asyncio.get_running_loop(), on_failed=lambda _: None)
        await outcome(writer, [batch_of(100)])

        with pytest.raises(StoreFailed, match="SQLITE_FULL") as refused:
            writer.after_commit(print)

        assert refused.value.__cause__ is writer.failed
        assert not writer.pending
        await writer.close()


async def test_thread_that_dies(tmp_path: Path) -> None:
    """A thread that ends in an unforeseen way is a failed commit: those who wait are told, and nothing hangs."""
    path = tmp_path / "shop.db"
    with closing(Dying.open(path, system=SYSTEM, owner=True)) as store:
        writer = Writer(store, asyncio.get_running_loop(), on_failed=lambda _: None)

        told = await outcome(writer, [with_runs(1)])

        assert told == ["0 WEFT-E313"]
        await writer.close()
        store.rollback()


async def test_simulated_crash(tmp_path: Path) -> None:
    """What `on_commit` raises to end everything ends it: nobody is told, and what is on disk stays."""

    class Crash(BaseException):
        pass

    def crash() -> None:
        raise Crash

    told: list[str] = []
    crashed = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, __: crashed.set())
    with owned(tmp_path / "shop.db") as store:
        writer = Writer(store, asyncio.get_running_loop(), on_failed=lambda _: None, on_commit=crash)
        writer.batch = with_runs(1)
        writer.after_commit(partial(told.append, "done"))
        writer.schedule()

        await crashed.wait()
        await writer.close()

        assert told == []
        assert store.row(1) is not None


# The disk of this process ends at a certain size of a file: the write of the log fails inside COMMIT.
FULL_AT_COMMIT = """
import asyncio, resource, signal, sys
from pathlib import Path
from tests.engine.embedded.stores import new_entry, owned, with_runs
from weft.engine.embedded.writer import Writer

async def main():
    with owned(Path(sys.argv[1])) as store:
        store.write(with_runs(1))
        writer = Writer(store, asyncio.get_running_loop(), on_failed=lambda error: print("stopped", error.code))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        for seq in range(1, 1_000):
            writer.batch.entries.append(new_entry(1, seq, entry=bytes(1_000)))
            told = asyncio.get_running_loop().create_future()
            writer.after_commit(lambda: told.set_result(None), told.set_exception)
            writer.schedule()
            try:
                await told
            except Exception as error:
                print(f"{seq} {error.data['reason']}", flush=True)
                break
        await writer.close()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main())
"""


def test_disk_that_fills_during_a_commit(tmp_path: Path) -> None:
    """A write that fails inside COMMIT is told with SQLite's reason, and every commit before it is there."""
    process = child(FULL_AT_COMMIT, tmp_path / "shop.db")
    stopped = line_of(process)
    seq, reason = line_of(process).split()
    process.communicate()

    assert stopped == "stopped WEFT-E313"
    assert reason.startswith(("SQLITE_FULL", "SQLITE_IOERR"))
    assert process.returncode == 0
    with owned(tmp_path / "shop.db") as store:
        assert len(store.journal(1)) == int(seq)


async def test_what_is_collected_after_a_failure_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Who waits for all to be written hears of the failure, also if something was collected that never will be."""
    with owned(tmp_path / "shop.db") as store:
        store.write(with_runs(1))
        fill_the_disk(store)
        writer = Writer(store, asyncio.get_running_loop(), on_failed=lambda _: writer.batch.requests_done.append(1))
        writer.batch = batch_of(100)
        writer.schedule()

        with pytest.raises(StoreFailed):
            await writer.drained()

        assert writer.pending
        await writer.close()
