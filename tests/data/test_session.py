"""The servers of a session of the suite: skipped in the open where there is none, and stopped when it is over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.data.processes import ROOT

PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
ONE = "tests/data/postgresql/test_conflicts.py::test_lost_update"
STAYS = """
import sys

def test_stays(postgresql_server):
    print("pid", postgresql_server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(("ci", "code", "counted"), [("", 0, "1 skipped"), ("true", 1, "1 error")])
def test_without_a_server(ci: str, code: int, counted: str, tmp_path: Path) -> None:
    """Where no PostgreSQL can be had the summary says what is missing; where CI wants all, the suite fails."""
    told = {"PATH": str(tmp_path), "CI": ci, "HOME": str(tmp_path)}

    ended = subprocess.run([*PYTEST, ONE], cwd=ROOT, env=told, capture_output=True, text=True, check=False)

    assert ended.returncode == code, ended.stdout
    assert counted in ended.stdout
    assert "no PostgreSQL to test with" in ended.stdout


def test_interrupted_session(postgresql_server: servers.Server, tmp_path: Path) -> None:
    """Ctrl-C leaves no server behind: neither its process nor its data."""
    if postgresql_server.pid is None:
        pytest.skip("the server that WEFT_TEST_POSTGRESQL names is nobody's to stop")
    (tmp_path / "test_stays.py").write_text(STAYS)
    command = [*PYTEST, "-s", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        pid = next(int(found[1]) for line in child.stdout if (found := re.search(r"pid (\d+)", line)))
        data = Path(f"/proc/{pid}/cwd").resolve()

        child.send_signal(signal.SIGINT)
        child.communicate()

    assert not data.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
