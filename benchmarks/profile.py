"""Where the time of a run goes: samples of what the loop's thread executes, added up by part."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.child import measure
from benchmarks.question import Asked, progress
from benchmarks.steps import open_side

EVERY_S = 0.001
AT_ONCE = 256

# The first that a sample's path ends with or contains: what is asked first is the most particular.
PARTS = (
    ("weft/engine/embedded/batch.py", "sqlite, with its statements' values"),
    ("weft/engine/embedded/store.py", "sqlite, with its statements' values"),
    ("weft/engine/embedded/writer.py", "the writer, standing aside for its thread included"),
    ("weft/engine/embedded/sender.py", "the sender and its crew of workers"),
    ("weft/engine/embedded/crew.py", "the sender and its crew of workers"),
    ("weft/engine/embedded/", "the engine: journal, work, shelf"),
    ("weft/engine/execution/", "the execution: the run's own loop and calls"),
    ("weft/codec/", "codec"),
    ("weft/model/", "codec"),
    ("weft/host/", "the host: dispatcher and pipeline"),
    ("weft/faults/", "the host: dispatcher and pipeline"),
    ("weft/flow/", "proxies and Runs"),
    ("asyncio/", "asyncio's outer loop"),
    ("selectors.py", "asyncio's outer loop"),
    ("benchmarks/", "the workflow, the service, whoever waits for the result"),
)


def shares(asked: Asked) -> list[tuple[str, float]]:
    """Return the parts and their shares of a run's time, the largest first; in a fresh process."""
    with asked.fresh_folder() as folder:
        found: dict[str, float] = measure("profile", "sample", runs=asked.count(5_000, 20_000), folder=str(folder))
    progress(f"profile: {found}")
    return sorted(found.items(), key=lambda pair: -pair[1])


def sample(*, runs: int, folder: str) -> dict[str, float]:
    """Sample this process while it runs five-step workflows, and return each part's share."""
    counts: Counter[str] = Counter()
    collector = _Collector()

    def note(_number: int, frame: FrameType | None) -> None:
        if frame is not None:
            counts[_part(frame)] += 1

    signal.signal(signal.SIGPROF, note)
    gc.callbacks.append(collector)
    began = time.process_time()
    asyncio.run(_run(runs, Path(folder)))
    spent = time.process_time() - began
    total = sum(counts.values())
    found = {part: round(count / total, 3) for part, count in counts.items()}
    # A collection happens inside whatever allocates: it is in the other shares, too.
    return {**found, "(of all that, the garbage collector)": round(collector.spent_s / spent, 3)}


async def _run(runs: int, folder: Path) -> None:
    async with open_side("weft", folder) as opened:

        async def work(worker: int) -> None:
            for number in range(runs // AT_ONCE):
                await opened.run(f"{worker}-{number}", number)

        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
        try:
            await asyncio.gather(*(work(worker) for worker in range(AT_ONCE)))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _part(frame: FrameType) -> str:
    place: FrameType | None = frame
    while place is not None:
        name = place.f_code.co_filename
        for path, part in PARTS:
            if path in name and not (part.startswith("asyncio") and place is not frame and place.f_back is not None):
                return part
        place = place.f_back
    return "other"


class _Collector:
    """Adds up how long the garbage collector works."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._began = 0.0

    def __call__(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = time.process_time()
        else:
            self.spent_s += time.process_time() - self._began
