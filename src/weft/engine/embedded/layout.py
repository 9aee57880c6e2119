"""The tables and indexes by which runs are found, deleted and scheduled."""

from __future__ import annotations

# What a run pays for these: nothing for `runs_tenant` without a tenant, and one entry of `runs_ended`, appended, when
# it ends. `attributes` and its index hold what was asked for only.
#
# ages: there is no index over the times at which runs were created. Keys are given in that order, but for clocks that
# jump, so it is enough to know the oldest and the newest of each block of keys, which is written down once the block is
# full: nothing is paid for it where runs begin.
#
# attribute_names: an attribute whose type has changed is another one; the newest is what queries mean.
#
# deletions: runs that are gone, and of which journals (until `purged`) and rows in services' databases may be left. Who
# knows a run's chain and that it is closed may forget its calls: this row is what knows it after a crash.
#
# forgotten: up to which end the calls of runs that are kept are forgotten, by workflow.
BLOCK_KEYS = 1_000
"""Keys of one row of `ages`."""

FINDING = """
CREATE INDEX runs_tenant ON runs (tenant) WHERE tenant <> '';
CREATE INDEX runs_ended ON runs (workflow, ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE ages (block INTEGER PRIMARY KEY, oldest_ms INTEGER NOT NULL, newest_ms INTEGER NOT NULL) STRICT;
CREATE TABLE attribute_names (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, UNIQUE (name, kind)
) STRICT;
CREATE TABLE attributes (
    run INTEGER NOT NULL, name INTEGER NOT NULL, value ANY NOT NULL, PRIMARY KEY (run, name, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX attributes_value ON attributes (name, value, run);
CREATE TABLE deletions (
    run INTEGER PRIMARY KEY, chain TEXT NOT NULL, closed_ms INTEGER NOT NULL, purged INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deletions_journal ON deletions (run) WHERE purged = 0;
CREATE INDEX deletions_closed ON deletions (closed_ms) WHERE purged = 1;
CREATE TABLE forgotten (workflow INTEGER PRIMARY KEY, ended_ms INTEGER NOT NULL, run INTEGER NOT NULL) STRICT;
"""

# schedules: a row is read and written whole, once for each of its times; `next_ms` is when it is to be looked at. What
# an engine that opens the store has to look at, whatever the time, is found by `look`: runs of it may have ended.
SCHEDULING = """
CREATE TABLE schedules (
    id TEXT PRIMARY KEY, spec BLOB NOT NULL, state BLOB NOT NULL, next_ms INTEGER, look INTEGER NOT NULL,
    declared INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_next ON schedules (next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX schedules_look ON schedules (id) WHERE look = 1;
CREATE INDEX schedules_declared ON schedules (id) WHERE declared = 1;
"""
