"""How long it takes to import weft, and until `weft --help` has answered."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.child import ROOT, environment
from benchmarks.question import Answer, Asked, Goal, median, progress

IMPORT_MS, HELP_MS = 100, 150
IMPORT = "import time; began = time.perf_counter(); import weft; print((time.perf_counter() - began) * 1000)"
HELP = "import sys; sys.argv = ['weft', '--help']; from weft.cli import main; main()"


def ask(asked: Asked) -> Answer:
    """Take medians over fresh processes, after one that warmed the disk's cache."""
    times = 7 if asked.quick else 21
    imports = [_import_ms() for _ in range(times + 1)][1:]
    helps = [_help_ms() for _ in range(times + 1)][1:]
    found = {"import weft": round(median(imports), 1), "weft --help": round(median(helps), 1)}
    progress(f"imports: {found}")
    return Answer(
        figures={"imports_ms": found},
        head=("what", "time"),
        rows=[(name, f"{value:.0f} ms") for name, value in found.items()],
        how=(
            f"Medians of {times} fresh processes: the import measured inside, without the interpreter's own start; the "
            "help from outside, with it."
        ),
        goals=[
            Goal("import weft", found["import weft"], IMPORT_MS, "ms"),
            Goal("weft --help", found["weft --help"], HELP_MS, "ms"),
        ],
    )


def _import_ms() -> float:
    return float(_python(IMPORT).stdout)


def _help_ms() -> float:
    began = time.perf_counter()
    _python(HELP)
    return (time.perf_counter() - began) * 1000


def _python(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment())
