"""The real command line as tests use it: answers, and engines in processes of their own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DESK = Path(__file__).with_name("desk.py")
PROGRAM = [sys.executable, "-c", "from weft.cli import main; main()"]

SEVERAL = 60
"""Seconds after which a process that should have spoken or ended is given up."""


@dataclass(frozen=True)
class Answer:
    """What one command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Return stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Engine:
    """A `weft run`, or a `weft worker`, in a process of its own, which has said that it is ready."""

    def __init__(self, *arguments: str, ready: str, command: str = "run") -> None:
        self._process = subprocess.Popen(
            [*PROGRAM, command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        self.hear(ready)

    def hear(self, pattern: str) -> str:
        """Read on until a line holds a pattern, and return that line."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said += line
            if re.search(pattern, line):
                return line
        pytest.fail(f"the engine never said {pattern!r}, but: {self.said}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    @property
    def process_id(self) -> int:
        """Return the process's number."""
        return self._process.pid

    def answer(self) -> Answer:
        """Wait for the end."""
        out, err = self._process.communicate(timeout=SEVERAL)
        return Answer(self._process.returncode, out, self.said + err)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Answer:
        """Send a signal and wait for the end."""
        self.send(number)
        return self.answer()

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()
        self._process.communicate()


Weft = Callable[..., Answer]
"""Runs one command in the test's process."""

Start = Callable[..., Engine]
"""Starts an engine in a process of its own."""


def run_desk(*arguments: str, typed: str = "") -> Answer:
    """Run `weft run` on the desk in a process of its own, to its end."""
    done = subprocess.run(
        [*PROGRAM, "run", str(DESK), *arguments],
        input=typed, capture_output=True, text=True, timeout=SEVERAL, check=False,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def letters(name: str, *values: object) -> str:
    """Write inputs into a file of the folder and return its name."""
    Path(name).write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    return name
