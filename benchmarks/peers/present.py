"""Which peers can be measured on this machine, and why the others cannot."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from importlib.util import find_spec

from benchmarks.child import ROOT
from benchmarks.question import progress

DBOS, DBOS_WAL, RESTATE = "dbos_sqlite", "dbos_sqlite_wal", "restate"

RESTATE_SERVER = "BENCH_RESTATE_SERVER"
"""The name of the environment's variable with the path of `restate-server`; children find it there."""


@cache
def peers() -> tuple[str, ...]:
    """Return the sides that can be measured; say on stderr what is missing of the others."""
    found: list[str] = []
    if _installed("dbos"):
        found += [DBOS, DBOS_WAL]
    if _installed("restate", "hypercorn", "aiohttp") and _restate_server():
        found.append(RESTATE)
    return tuple(found)


def _installed(*packages: str) -> bool:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        progress(f"not measured: {', '.join(missing)} missing; `make bench` installs what the peers need")
    return not missing


def _restate_server() -> bool:
    if RESTATE_SERVER in os.environ:
        return True
    found = subprocess.run(
        [ROOT / "scripts/servers/restate.sh"], stdout=subprocess.PIPE, text=True, check=False, timeout=600
    )
    if found.returncode:
        progress("not measured: Restate, since there is no server of it")
        return False
    os.environ[RESTATE_SERVER] = found.stdout.strip()
    return True
