"""Run the real command line: in this process for what only reads, in processes of their own for engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Answer, Engine, Start, Weft
from weft.cli.program import execute


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder whose store every command uses."""
    for name in [name for name in os.environ if name.startswith("WEFT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEFT_ENGINE", "sqlite:///desk.db")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def weft(capsys: pytest.CaptureFixture[str]) -> Weft:
    """Return a function that runs one command in this process."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = execute(arguments)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts an engine, which is ended with the test."""
    engines: list[Engine] = []

    def begin(*arguments: str, ready: str = "is at work") -> Engine:
        engines.append(Engine(*arguments, ready=ready))
        return engines[-1]

    yield begin
    for engine in engines:
        engine.kill()
