"""Building Systems that are declared wrongly, and looking at what is said about them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from weft import Service, System, Workflow
from weft.errors import DeclarationInvalid
from weft.model.problem import Problem

HERE = Path(__file__).parent


def problems_of(*services: type[Service], workflows: Sequence[Workflow[Any, Any]] = ()) -> list[Problem]:
    """Return the problems of a System; each of them has a place and says what to do."""
    try:
        System("shop", services=services, workflows=workflows)
    except DeclarationInvalid as error:
        found: tuple[Problem, ...] = error.data["problems"]  # type: ignore[assignment]
        assert all(_is_whole(each) for each in found), f"no place or no remedy:\n{error}"  # noqa: PT017 - more than raises
        return list(found)
    return []


def _is_whole(problem: Problem) -> bool:
    """Tell whether a problem has a place in this folder, and says what to do."""
    file, _, line = problem.where.rpartition(":")
    return Path(file).parent == HERE and line.isdigit() and bool(problem.remedy)


def problem_of(*services: type[Service], workflows: Sequence[Workflow[Any, Any]] = ()) -> Problem:
    """Return the only problem of a System."""
    found = problems_of(*services, workflows=workflows)
    if len(found) != 1:
        pytest.fail(f"{len(found)} problems instead of one:\n" + "\n".join(map(str, found)))
    return found[0]


def line_of(problem: Problem) -> str:
    """Return the line of source that a problem names."""
    file, _, number = problem.where.rpartition(":")
    return Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1].strip()
