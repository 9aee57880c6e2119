"""Under which conditions figures were taken."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time
from pathlib import Path

from benchmarks.question import median

QUIET = 0.5
"""A load average up to which a machine counts as quiet."""

FSYNCS = 100
PAGES = b"\0" * 4096


def conditions(folder: Path) -> dict[str, str]:
    """Return what the machine is, and how fast its disk and how busy it is just now."""
    averages = os.getloadavg()
    load = " ".join(f"{each:.2f}" for each in averages)
    if averages[0] > QUIET:
        load += ": others are using the machine, so trust CPU per run and memory; times, and shares of times, are noise"
    return {
        "cpu": f"{_cpu()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": f"{sqlite3.sqlite_version}, WAL, synchronous=FULL",
        "fsync_ms": f"{fsync_ms(folder):.2f} (median of {FSYNCS}: 4 KiB appended, fdatasync)",
        "load_average": load,
        "taken": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def fsync_ms(folder: Path) -> float:
    """Return how long the disk takes to make a page durable."""
    path = folder / "fsync"
    sync = getattr(os, "fdatasync", os.fsync)
    took: list[float] = []
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            os.write(handle, PAGES)
            sync(handle)
            took.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(handle)
        path.unlink()
    return median(took)


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
