"""The Temporal server of a test session: one for all its workers, started where the first test asks for it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "servers" / "temporal.sh"
ADDRESS = "TEMPORAL_ADDRESS"
"""The variable that names a server which runs already; it is Temporal's own."""

STATE = "temporal"


def wanted(folder: Path) -> str:
    """Return the address of a server; without one the test is skipped, and fails where CI asks for all of them."""
    given = os.environ.get(ADDRESS)
    if given:
        return given
    with (folder / "temporal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = run("start", "--built-only", "--state", str(folder / STATE))
    if started.returncode == 0:
        return started.stdout.splitlines()[-1]
    missing = f"no Temporal server to test with: {started.stderr.strip()}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def stop_shared(folder: Path) -> None:
    """Stop the server of the session, if one was started."""
    if (folder / STATE / "pid").exists():
        run("stop", "--state", str(folder / STATE))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script that starts and stops servers."""
    return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
