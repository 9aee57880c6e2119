"""Stores, rows and child processes for the tests of the embedded engine's disk."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from weft.engine.embedded.batch import Batch, NewEntry, NewRun
from weft.engine.embedded.store import Store

SYSTEM = "shop"
RUNNING, WAITING, NEEDS_ATTENTION, BLOCKED, COMPLETED, FAILED = range(6)


def owned(path: Path) -> closing[Store]:
    """Open a store as its owner, and close it at the end of a `with`."""
    return closing(Store.open(path, system=SYSTEM, owner=True))


def read(path: Path) -> closing[Store]:
    """Open a store as a reader, and close it at the end of a `with`."""
    return closing(Store.open(path, system=SYSTEM, owner=False))


def new_run(key: int, *, workflow: str = "place_order", status: int = RUNNING, wake_ms: int | None = 0) -> NewRun:
    """Make a row of a run whose id is made from its key."""
    return (key, workflow, f"o-{key}", f"chain-{key}", 0, 0, "acme", status, 1_000 + key, wake_ms)


def new_entry(key: int, seq: int, *, entry: bytes = b"entry", commands: bytes = b"commands") -> NewEntry:
    """Make a row of a journal."""
    return (key, seq, 2_000 + seq, entry, commands)


def with_runs(*keys: int, workflow: str = "place_order", status: int = RUNNING, wake_ms: int | None = 0) -> Batch:
    """Make a batch of new runs, each with its first entry."""
    return Batch(
        runs=[new_run(key, workflow=workflow, status=status, wake_ms=wake_ms) for key in keys],
        entries=[new_entry(key, 0) for key in keys],
    )


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that runs the script; it talks by lines on stdout."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line_of(process: subprocess.Popen[str]) -> str:
    """Wait for the process's next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    """End a process as `kill -9` does, and wait until it is gone."""
    process.kill()
    process.communicate()
