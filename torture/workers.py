"""Rounds side by side: worker processes that do rounds until enough was killed, and what they report."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import select
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torture.processes import FINE, Child
from torture.rounds import Asked, Outcome, Round

KILL = b"k"
"""What a worker writes for each kill; a whole round is one line of JSON."""

READ_BYTES = 65_536
LAST_WORD_S = 10.0


class Workers:
    """Processes that do rounds; make them before there is any thread: they are copies of this process."""

    def __init__(self, asked: Asked, plans: Sequence[tuple[range, int]]) -> None:
        """Begin.

        Args:
            asked: what all rounds share.
            plans: for each worker the numbers of its rounds, and how many kills it makes at most.
        """
        self._log = asked.folder / "worker.log"
        self._pipes: dict[int, bytes] = {}
        self._children: list[Child] = []
        for numbers, kills in plans:
            reading, writing = os.pipe()
            self._children.append(Child(_working(asked, numbers, kills, writing=writing), log=self._log))
            os.close(writing)
            self._pipes[reading] = b""

    def outcomes(self, killed: Callable[[], None]) -> Iterator[Outcome]:
        """Yield each round once it is over; `killed` is told of each kill.

        Raises:
            ChildProcessError: a worker failed.
        """
        try:
            yield from self._reports(killed)
            for child in self._children:
                if child.wait(LAST_WORD_S) != FINE:
                    raise ChildProcessError(f"a worker failed: {self._log.read_text()[-2_000:]}")
        finally:
            for child in self._children:
                if child.wait(0) is None:
                    child.kill()

    def _reports(self, killed: Callable[[], None]) -> Iterator[Outcome]:
        pipes = self._pipes
        while pipes:
            for pipe in select.select(list(pipes), [], [])[0]:
                data = os.read(pipe, READ_BYTES)
                if not data:
                    os.close(pipe)
                    del pipes[pipe]
                    continue
                *lines, pipes[pipe] = (pipes[pipe] + data).split(b"\n")
                for line in lines:
                    if line == KILL:
                        killed()
                    else:
                        yield Outcome(**json.loads(line))


def _working(asked: Asked, numbers: range, kills: int, *, writing: int) -> Callable[[], None]:
    def work() -> None:
        gc.freeze()  # what was imported is shared by all lives, and no collection looks at it
        left = kills
        for number in numbers:
            if left <= 0:
                return
            outcome = Round(asked, number, lambda: _say(writing, KILL)).run(left)
            left -= outcome.kills
            _say(writing, json.dumps(dataclasses.asdict(outcome)).encode())
            if not outcome.is_sound:
                return

    return work


def _say(pipe: int, line: bytes) -> None:
    left: Any = line + b"\n"
    while left:
        left = left[os.write(pipe, left) :]
