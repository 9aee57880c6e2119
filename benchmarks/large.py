"""What a store of very many runs costs whoever opens it, lists, counts, and resumes: time, and bytes read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.child import heard, measure, started
from benchmarks.question import Answer, Asked, Goal, progress
from benchmarks.recovery import READY, RESUMED
from benchmarks.steps import SYSTEM, five
from weft.clock import SystemClock
from weft.engine.embedded.batch import AGES, Batch
from weft.engine.embedded.finding import Finder
from weft.engine.embedded.questions import Asker
from weft.engine.embedded.store import Store
from weft.flow.attribute import Attribute
from weft.model.query.parser import parse

IN_FLIGHT = 1_000
AT_ONCE = 200_000
EVERY_MS = 50
"""Between two runs: ten million of them are six days."""

WITHIN_S = 5.0
LIST_S = 0.5
LIST_BYTES = 64 * 1024 * 1024
"""A twentieth of the store: what an order that no index has reads to sort the most that is sorted at all."""
region = Attribute("region", str)

# Every thousandth run is another one: it failed, has a tenant, has an attribute, or has its journal.
FILL = """
WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2)
INSERT INTO runs (key, workflow, run_id, chain, generation, epoch, tenant, status, created_ms, ended_ms, reason, result)
SELECT ?3 + n, ?4, printf('filled-%09d', n), printf('%032x', n), 0, 0, CASE WHEN n % 1000 = 1 THEN 'acme' ELSE '' END,
    CASE WHEN n % 1000 = 0 THEN 5 ELSE 4 END, ?5 + n * ?6, ?5 + n * ?6 + 40,
    CASE WHEN n % 1000 = 0 THEN 'ValueError: no' ELSE '' END, CASE WHEN n % 1000 = 0 THEN NULL ELSE x'35' END
FROM numbers
"""
JOURNALS = """
INSERT INTO journal (run, seq, at_ms, entry, commands)
SELECT runs.key, j.seq, runs.created_ms, j.entry, j.commands FROM runs CROSS JOIN journal AS j ON j.run = ?3
WHERE runs.key >= ?1 AND runs.key < ?2 AND runs.key % 100 = 0
"""

LISTS = (
    "",
    "status = 'failed'",
    "workflow = 'five' and status = 'completed' and created > -1h",
    "created between -3d and -2d and tenant = 'acme'",
    "id starts_with 'filled-00012345'",
    "region = 'eu' and status = 'completed'",
    "ended > -1h and status = 'failed' order by ended desc",
    "tenant = 'acme' order by created asc",
    "status != 'completed' and workflow = 'waits'",
)
COUNTS = (("", "status"), ("status = 'failed'", ""), ("region = 'eu'", "workflow"), ("created > -1h", "status"))


def ask(asked: Asked) -> Answer:
    """Fill a store with runs that have ended, and look at it from fresh processes."""
    runs = asked.count(300_000, 10_000_000)
    with asked.fresh_folder() as folder:
        with started("recovery", "begin", runs=IN_FLIGHT, folder=str(folder)) as (child, lines):
            heard(lines, READY)
            child.kill()
        size = measure("large", "fill", folder=str(folder), runs=runs)
        progress(f"large: {runs:,} runs are {size / 1e9:,.1f} GB")
        looks = measure("large", "look", folder=str(folder))
        began = time.perf_counter()
        with started("recovery", "resume", runs=IN_FLIGHT, folder=str(folder)) as (child, lines):
            heard(lines, RESUMED)
            resumed_s = round(time.perf_counter() - began, 3)
            child.kill()
    lists = [each for each in looks if each["what"].startswith("list")]
    slowest = max(each["seconds"] for each in lists)
    most = max(each["bytes"] for each in lists)
    return Answer(
        figures={"large": {"runs": runs, "store_bytes": size, "resumed_s": resumed_s, "looks": looks}},
        head=("asked of the store", "took", "read"),
        rows=[
            *((each["what"], f"{each['seconds'] * 1e3:,.1f} ms", f"{each['bytes'] / 1024:,.0f} KiB") for each in looks),
            (f"open, and resume {IN_FLIGHT:,} runs in flight", f"{resumed_s:.2f} s", ""),
        ],
        how=(
            f"{runs:,} runs that have ended, {size / 1e9:,.1f} GB, filled by SQL. The looks follow one another in one "
            "process that reads without an engine; bytes are what it asked of the file system, cached or not. Resumed "
            "is from the start of a process, imports included, until the last call is made again."
        ),
        goals=[
            Goal(f"list in {runs:,} runs, slowest", round(slowest, 4), LIST_S, "s"),
            Goal(f"list in {runs:,} runs, most read", most, LIST_BYTES, "bytes"),
            Goal(f"resume {IN_FLIGHT:,} in flight beside {runs:,} runs", resumed_s, WITHIN_S, "s"),
        ],
    )


def fill(*, folder: str, runs: int) -> int:
    """Put runs that have ended into the store of a folder; return its size in bytes."""
    path = Path(folder) / "weft.db"
    store = Store.open(path, system=SYSTEM.name, owner=True)
    connection = store._writer()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - nothing else fills so fast
    connection.execute("PRAGMA synchronous = OFF")
    first_key, began_ms = store.max_key() + 1, SystemClock().now_ms() - runs * EVERY_MS
    (row,) = store.list_runs(limit=1)
    store.write(Batch(runs=[(first_key, five.name, "model", "0" * 32, 0, 0, "", 4, began_ms, None)]))
    number = connection.execute("SELECT id FROM workflows WHERE name = ?", (five.name,)).fetchone()[0]
    for first in range(0, runs, AT_ONCE):
        last = min(runs, first + AT_ONCE)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(FILL, (first, last, first_key + 1, number, began_ms, EVERY_MS))
        connection.execute(JOURNALS, (first_key + 1 + first, first_key + 1 + last, row.key))
        connection.execute("COMMIT")
        numbered = range(first - first % -1000, last, 1_000)
        attributes = {(first_key + 2 + n, region.name): region.of("eu" if n % 5_000 else "us") for n in numbered}
        store.write(Batch(attributes=attributes))
        progress(f"large: {last:,} runs filled")
    store.write(Batch(also={AGES: list(Finder(store).unwritten_ages(runs))}))
    store.close()
    return path.stat().st_size


def look(*, folder: str) -> list[dict[str, Any]]:
    """List and count, each once, and tell how long it took and how much was read."""
    return list(_looks(Path(folder) / "weft.db"))


def _looks(path: Path) -> Iterator[dict[str, Any]]:
    with_bytes = _Measured()
    store = Store.open(path, system=SYSTEM.name, owner=False)
    yield with_bytes.since("open")
    asker = Asker(store, SystemClock())
    for where in LISTS:
        *_, page = asker.page(parse(where), limit=50)
        yield with_bytes.since(f"list {where or 'the newest'}: {len(page.rows)}")
    for where, by in COUNTS:
        *_, counts = asker.count(parse(where), by=by)
        yield with_bytes.since(f"count {where or 'all'} by {by or 'nothing'}: {counts.total():,}")
    store.close()


class _Measured:
    """Time and bytes from one look to the next."""

    def __init__(self) -> None:
        self._time, self._bytes = time.perf_counter(), _bytes_read()

    def since(self, what: str) -> dict[str, Any]:
        """Return what was spent since the last look."""
        now, read = time.perf_counter(), _bytes_read()
        found = {"what": what, "seconds": round(now - self._time, 5), "bytes": read - self._bytes}
        self._time, self._bytes = time.perf_counter(), _bytes_read()
        return found


def _bytes_read() -> int:
    """Return what this process has asked to read, whether or not it came from the disk."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])
