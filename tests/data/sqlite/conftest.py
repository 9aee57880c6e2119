"""What is true of SQLite files only is tested on one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the database of a test lives."""
    return tmp_path / "bank.db"


@pytest.fixture
def url(file: Path) -> str:
    """Return its URL."""
    return f"sqlite:///{file}"
