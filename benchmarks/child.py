"""What is measured is measured in a process of its own, so that no side is warmed, or burdened, by another.

`python -m benchmarks.child MODULE FUNCTION ARGUMENTS` calls `benchmarks.MODULE.FUNCTION(**ARGUMENTS)` and prints what
that returns, in JSON, on the last line.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

LONGEST_S = 1_800
ROOT = Path(__file__).parents[1]

_bytecode = TemporaryDirectory(prefix="weft-bench-bytecode-")


def environment() -> dict[str, str]:
    """Return the environment of children: as installed, modules are compiled once and not at each start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode.name}


class ChildFailed(Exception):
    """A child ended with an error or without an answer."""


def measure(module: str, function: str, **arguments: Any) -> Any:
    """Call a function in a fresh process and return its answer.

    Raises:
        ChildFailed: it has none.
    """
    ended = subprocess.run(
        _command(module, function, arguments),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(),
        timeout=LONGEST_S,
    )
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        raise ChildFailed(f"{module}.{function}({arguments}) ended with {ended.returncode}")
    return json.loads(lines[-1])


@contextmanager
def started(module: str, function: str, **arguments: Any) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start a function in a fresh process, to be listened to and killed; yields it and what it prints."""
    command = _command(module, function, arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()) as child:
        assert child.stdout is not None, "it was asked for"
        try:
            yield child, child.stdout
        finally:
            child.kill()


def heard(lines: IO[str], word: str) -> str:
    """Wait for a line that begins with a word, and return the rest of it.

    Raises:
        ChildFailed: the child ended without it.
    """
    for line in lines:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise ChildFailed(f"the child ended before it said {word!r}")


def say(word: str) -> None:
    """Tell the parent something now."""
    print(word, flush=True)


def resident_bytes() -> int:
    """Return how much memory this process occupies, by the kernel's account."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _command(module: str, function: str, arguments: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", "benchmarks.child", module, function, json.dumps(arguments)]


def main() -> None:
    """Do what the arguments say."""
    module, function, arguments = sys.argv[1:]
    answer = getattr(importlib.import_module(f"benchmarks.{module}"), function)(**json.loads(arguments))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
