"""A log that is cut or damaged: what opens again is a prefix of the commits, and holds all that was acknowledged."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.embedded.mill import MINUTE, Depot, Mill
from tests.engine.embedded.stores import SYSTEM, owned, with_runs
from weft.engine.embedded.store import Store
from weft.model.run import RunStatus
from weft.model.workflow import workflow

COMMITS = 8


def written(folder: Path) -> tuple[Path, list[int]]:
    """Make a store in commits of one run each; return a copy as a power failure leaves it, and the log after each."""
    path, copy = folder / "shop.db", folder / "copy.db"
    sizes: list[int] = []
    with owned(path) as store:
        for key in range(1, COMMITS + 1):
            store.write(with_runs(key))
            sizes.append(log_of(path).stat().st_size)
        for file in (path, log_of(path)):
            shutil.copy(file, folder / file.name.replace("shop", "copy"))
    return copy, sizes


def log_of(path: Path) -> Path:
    """Return the log of a store."""
    return path.with_name(f"{path.name}-wal")


def runs_in(path: Path) -> list[int]:
    """Open a store as its owner, and return the keys of its runs that have their first entry."""
    with closing(Store.open(path, system=SYSTEM, owner=True)) as store:
        rows = sorted(row.key for row in store.list_runs(limit=100))
        assert all(len(store.journal(key)) == 1 for key in rows)
        return rows


@settings(max_examples=60)
@given(st.floats(0, 1, allow_nan=False))
def test_a_log_that_is_cut_is_a_prefix_of_the_commits(where: float) -> None:
    """Every commit that was wholly on the disk when the log was cut is there, and no part of another."""
    with TemporaryDirectory() as folder:
        path, sizes = written(Path(folder))
        log = log_of(path)
        first = sizes[0]  # what is before it made the tables
        cut = first + int((sizes[-1] - first) * where)
        with log.open("r+b") as file:
            file.truncate(cut)

        found = runs_in(path)

        assert found == list(range(1, 1 + sum(size <= cut for size in sizes)))


@settings(max_examples=60)
@given(st.floats(0, 0.999, allow_nan=False), st.integers(1, 255))
def test_a_damaged_log_ends_where_it_is_damaged(where: float, flip: int) -> None:
    """A byte that is another one ends the log there: commits before it stand, none after it does, and none is half."""
    with TemporaryDirectory() as folder:
        path, sizes = written(Path(folder))
        at = sizes[0] + int((sizes[-1] - sizes[0]) * where)
        with log_of(path).open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ flip]))

        found = runs_in(path)

        whole = sum(size <= at for size in sizes)
        assert found == list(range(1, whole + 1))


@workflow
async def patient(key: str, *, depot: Depot) -> str:
    """Put something, wait for a minute and put it again."""
    await depot.put(key)
    await asyncio.sleep(60)
    return await depot.put(key)


@pytest.mark.parametrize("column", ["entry", "commands"])
@pytest.mark.parametrize("damage", ["zeroblob(20)", "substr({}, 1, length({}) - 1)", "x'c1'"])
async def test_a_damaged_row_blocks_its_run_alone(tmp_path: Path, column: str, damage: str) -> None:
    """A row that does not parse is told by its code, its run stands blocked, and the others go on."""
    async with Mill(tmp_path, patient) as mill:
        for key in "ab":
            await mill.host.start(patient, key, id=key)
        await mill.settle()
        await mill.kill()
        with closing(sqlite3.connect(mill.path)) as connection, connection:
            value = damage.format(column, column)
            connection.execute(f"UPDATE journal SET {column} = {value} WHERE run = 1 AND seq = 1")
        await mill.open()
        await mill.spend(2 * MINUTE)

        [damaged] = [view for view in await mill.engine.list() if view.id == "a"]

        assert (damaged.status, "WEFT-E208" in damaged.reason) == (RunStatus.BLOCKED, True)
        assert await mill.status(patient, "b") is RunStatus.COMPLETED
