"""The benchmarks run, and end with the object that others read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_benchmarks(*arguments: str) -> dict[str, Any]:
    """Run them and return the object on the last line of stdout."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--alone", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(ended.stdout.splitlines()[-1])


def test_the_throughput_is_told_beside_the_floor(tmp_path: Path) -> None:
    """The last line holds workflows a second for each number at once, weft's and the floor's, and the goals."""
    answer = run_benchmarks("--only", "throughput", "--runs", "4", "--folder", str(tmp_path))

    assert list(answer["throughput"]) == ["1", "32", "256"]
    assert all(sides["weft"] > 0 and sides["floor"] > 0 for sides in answer["throughput"].values())
    assert all(goal.keys() == {"value", "goal", "met"} for goal in answer["goals"].values())


def test_nothing_is_left_of_the_stores(tmp_path: Path) -> None:
    """Whatever was measured, the folder is empty afterwards."""
    run_benchmarks("--only", "recovery", "--runs", "10", "--folder", str(tmp_path))

    assert not list(tmp_path.iterdir())
