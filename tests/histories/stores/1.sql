-- A store of format 1, as weft made it.
PRAGMA journal_mode = WAL;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE workflows (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE runs (
    key INTEGER PRIMARY KEY, workflow INTEGER NOT NULL, run_id TEXT NOT NULL, chain TEXT NOT NULL,
    generation INTEGER NOT NULL, epoch INTEGER NOT NULL, tenant TEXT NOT NULL, status INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, wake_ms INTEGER, ended_ms INTEGER, reason TEXT NOT NULL DEFAULT '', result BLOB
) STRICT;
CREATE UNIQUE INDEX runs_id ON runs (workflow, run_id);
CREATE INDEX runs_status ON runs (workflow, status);
CREATE INDEX runs_wake ON runs (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE TABLE journal (
    run INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, entry BLOB NOT NULL, commands BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_run ON journal (run, seq);
CREATE TABLE states (
    run INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    run INTEGER NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL, error TEXT NOT NULL, next_ms INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL,
    body BLOB NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
PRAGMA application_id = 2003134068;
PRAGMA user_version = 1;
INSERT INTO meta VALUES ('system', 'shop'), ('epoch', '3');
INSERT INTO workflows VALUES (1, 'place_order');
INSERT INTO runs VALUES (7, 1, 'o-7', 'chain-7', 0, 0, 'acme', 0, 1007, 0, NULL, '', NULL);
INSERT INTO journal VALUES (7, 0, 2000, x'656e747279', x'636f6d6d616e6473');
