"""What users see in their editors: right code has the right types, and misuse is an error, in pyright and in mypy.

A line of `cases` that ends in `# error wanted: why` must be an error in both, every other line in none; an
`assert_type` is an error where the type is not exactly that.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted((HERE / "cases").glob("*.py"))
WANTED = "# error wanted: "

Line = tuple[str, int]


def wanted_errors() -> set[Line]:
    """Return the lines that must be errors, as file and number."""
    return {
        (case.name, number)
        for case in CASES
        for number, line in enumerate(case.read_text(encoding="utf-8").splitlines(), 1)
        if WANTED in line
    }


def run(*command: str) -> str:
    """Run a module of this environment from the root and return what it prints."""
    listed = [sys.executable, "-m", *command]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, check=False, text=True, timeout=300)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


def pyright_errors(folder: Path) -> Iterator[Line]:
    """Yield the lines that pyright refuses."""
    del folder
    answer = run("pyright", "--project", str(HERE), "--pythonpath", sys.executable, "--outputjson")
    report: dict[str, Any] = json.loads(answer)
    assert report["summary"]["filesAnalyzed"] == len(CASES)
    for found in report["generalDiagnostics"]:
        yield Path(found["file"]).name, found["range"]["start"]["line"] + 1


def mypy_errors(folder: Path) -> Iterator[Line]:
    """Yield the lines that mypy refuses."""
    options = ["--config-file", "pyproject.toml", "--follow-imports", "silent", "--cache-dir", str(folder)]
    for line in run("mypy", *options, *map(str, CASES)).splitlines():
        found = re.match(r"(?P<file>.+?):(?P<line>\d+): error:", line)
        if found is not None:
            yield Path(found["file"]).name, int(found["line"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("errors_of", [pyright_errors, mypy_errors])
def test_misuse_is_an_error_and_right_code_is_none(errors_of: Callable[[Path], Iterator[Line]], tmp_path: Path) -> None:
    """Exactly the marked lines are errors: types are as promised, and what would go wrong is refused."""
    wanted = wanted_errors()

    found = set(errors_of(tmp_path))

    assert sorted(wanted - found) == [], "these lines should be errors"
    assert sorted(found - wanted) == [], "these lines should be none"


def test_cases_are_there() -> None:
    """A folder that lost its cases would pass for the wrong reason."""
    wanted = wanted_errors()

    assert {name for name, _ in wanted} == {case.name for case in CASES}
    assert len(wanted) > 20
