"""The files of the repository as the house tests read them: what git tracks or would track, each parsed once."""

import ast
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WALK_PAST = frozenset({"__pycache__", "build", "dist", "node_modules"})

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree of a Python file."""
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        return self.text.splitlines()

    @property
    def name(self) -> str:
        """Return the file's name without folder and suffix."""
        return Path(self.path).stem

    def functions(self) -> Iterator[AnyFunction]:
        """Yield every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, type_of_function):
                yield node

    def at(self, node: ast.AST) -> str:
        """Return where a node stands, as editors understand it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def tracked() -> tuple[str, ...]:
    """Return the paths of all files that git tracks, or would if it were told to; without git, all that are there."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(listing, capture_output=True, check=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return tuple(sorted(_walk(ROOT)))
    return tuple(sorted({path for path in answer.stdout.split("\0") if path and (ROOT / path).is_file()}))


def _walk(root: Path) -> Iterator[str]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in WALK_PAST]
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


@cache
def read(path: str) -> Source:
    """Return one file by its path from the root."""
    return Source(path, (ROOT / path).read_text(encoding="utf-8"))


@cache
def python_files(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below the folders (all Python files if none is named)."""
    prefixes = tuple(f"{folder}/" for folder in folders) or ("",)
    return tuple(read(path) for path in tracked() if path.endswith(".py") and path.startswith(prefixes))


@cache
def text_files() -> tuple[Source, ...]:
    """Return every tracked file that is text."""
    found: list[Source] = []
    for path in tracked():
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw[:8192] and not raw.startswith(b"\x1f\x8b"):
            found.append(Source(path, raw.decode("utf-8", errors="replace")))
    return tuple(found)


def sample(text: str, path: str = "src/weft/sample.py") -> Source:
    """Return a made-up file, for the tests that show that a rule can fail."""
    return Source(path, text)
