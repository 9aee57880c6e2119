"""How a store that an older weft wrote becomes one of today's format, step by step, once, when an owner takes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from weft.engine.embedded import schema
from weft.engine.embedded.layout import FINDING, SCHEDULING
from weft.engine.embedded.queue_rows import TABLES as QUEUE_TABLES
from weft.engine.embedded.refusals import TABLES as REFUSALS

# Of what failed under format 1 nobody knows how many were alike: all count as that, as they did when it was loaded.
# What its run needed attention for stood in the place of the last failure.
_COUNTED = """
ALTER TABLE attempts ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN equal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN attention TEXT NOT NULL DEFAULT '';
UPDATE attempts SET failures = count, equal = count;
UPDATE attempts SET attention = error
    WHERE EXISTS (SELECT 1 FROM runs WHERE key = attempts.run AND status = 2 AND reason = attempts.error);
"""

# What makes a store of format n one of format n + 1. The tables in `schema` are those of the last format: what is
# added there is added here too, and a test holds the two against each other.
_STEPS = {
    1: FINDING + QUEUE_TABLES + SCHEDULING + REFUSALS + _COUNTED,
}


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store to today's format, in one transaction: a crash leaves the old one or the new one.

    Only the owner may: readers of the old format are told to wait for it.

    Args:
        connection: the owner's, outside a transaction; the store is verified.
        path: where it is, for the error.

    Raises:
        StoreFailed: it cannot be written.
    """
    with schema.mapped(path, doing="upgraded"):
        written = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if written < schema.FORMAT:
            steps = "".join(_STEPS[step] for step in range(written, schema.FORMAT))
            connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {schema.FORMAT}; COMMIT")
