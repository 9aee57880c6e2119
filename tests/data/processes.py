"""Processes of their own for tests: they do not outlive the block that starts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python in a process that does not outlive the block."""
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def teller(url: str, name: str, count: int) -> tuple[str, ...]:
    """Return the arguments that start a teller."""
    return ("-m", "tests.data.teller", url, name, str(count))
