"""How an SQLite file is set up, and what becomes of a file that is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import inspect

from weft.data import Database
from weft.errors import SettingInvalid


async def test_how_the_file_is_set_up(db: Database) -> None:
    """Commits are flushed, readers need not wait, and foreign keys are checked."""
    raw = db._store.link.raw

    found = [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert found == ["wal", 2, 1]
    assert {"weft_barrier", "weft_barrier_purge"} <= set(inspect(db._store.link.core).get_table_names())


async def test_file_that_is_no_database(file: Path) -> None:
    """A file that holds something else is left alone."""
    await asyncio.to_thread(file.write_text, "dear diary, " * 100)

    with pytest.raises(SettingInvalid, match="cannot be opened"):
        await Database.open(f"sqlite:///{file}")

    assert (await asyncio.to_thread(file.read_text)).startswith("dear diary")
