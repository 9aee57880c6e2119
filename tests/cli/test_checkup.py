"""The doctor looks for the packages that an installation brings, and for no others."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from weft.cli.checkup import EXTRAS, KERNEL

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def names(requirements: list[str]) -> set[str]:
    """Return the packages that requirements name."""
    return {re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0] for requirement in requirements}


def test_doctor_looks_for_what_is_installed() -> None:
    """A package that weft no longer needs is not missed."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]

    looked_for = {extra: set(packages) for extra, packages in EXTRAS}

    assert set(KERNEL) == names(project["dependencies"])
    assert all(packages == names(project["optional-dependencies"][extra]) for extra, packages in looked_for.items())
