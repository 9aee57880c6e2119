"""A small file of real invoices, a demo as a process, and one that has ended."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
DATA = ROOT / "examples/shop/data/online_retail_first8000.csv.gz"
LINES = 2_500
"""The first lines of the file: 101 orders, and returns among them."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a demo ended: its exit code, what it said on stderr, and the object of its last line."""

    code: int
    talk: str
    found: dict[str, Any]


Demo = Callable[..., Ran]


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the first invoices."""
    path = tmp_path_factory.mktemp("input") / "invoices.csv"
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as whole:
        path.write_text("".join(islice(whole, LINES)), encoding="utf-8", newline="")
    return path


@pytest.fixture(scope="session")
def demo(small_file: Path) -> Demo:
    """Return what runs the demo as a process on the small file."""

    def run(store: Path, *arguments: str, source: Path = small_file, **settings: str) -> Ran:
        command = [sys.executable, "-m", "examples.shop.demo", "--store", str(store), "--json", "--input", str(source)]
        ended = subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | settings
        )
        lines = ended.stdout.splitlines()
        return Ran(ended.returncode, ended.stderr, json.loads(lines[-1]) if lines else {})

    return run


@pytest.fixture(scope="session")
def finished(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """Return the store of a demo that nobody disturbed, and how it ended."""
    store = tmp_path_factory.mktemp("finished") / "store"
    return store, demo(store, "--faults", "0.1")
