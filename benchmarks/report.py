"""How answers are shown: tables on stdout, one JSON object, a page of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.question import Answer, Goal

INTRODUCTION = """# How fast weft is

Written by `make bench ARGS="--write-results"`. Every figure was taken in a fresh process, on a real file, with each
commit on the disk (WAL, `synchronous=FULL`) on both sides. The floor (`benchmarks/floor.py`) is the best simple
implementation on a bare asyncio loop with a group-committed SQLite journal and no framework: what lies between it and
weft is the price of weft. Nothing uses uvloop.
"""

BY_HAND = "<!-- what follows is written by hand, and kept -->"
"""From here on the page of results is left as it is."""

PROFILE = """## Where the rest goes

Shares of a run's time on weft's side, 256 at once: one sample a millisecond of the process's CPU time, of what the
loop's thread executes. The commits themselves are made by another thread.
"""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return lines with columns under one another, the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in _cells(line, widths))
        for line in lines
    )


def _cells(line: tuple[str, ...], widths: list[int]) -> Iterable[tuple[int, tuple[str, int]]]:
    return enumerate(zip(line, widths, strict=True))


def goals_table(goals: list[Goal]) -> str:
    """Return the table of goals."""
    return table(("goal", "measured", "held to", "met"), [_goal_row(goal) for goal in goals])


def _goal_row(goal: Goal) -> tuple[str, ...]:
    bound = "at least" if goal.at_least else "at most"
    met = "yes" if goal.met else "NO"
    return (goal.name, _with_unit(goal.value, goal), f"{bound} {_with_unit(goal.limit, goal)}", met)


def _with_unit(value: float, goal: Goal) -> str:
    return f"{value:,g} {goal.unit}" if goal.unit else f"{value:,g}"


def as_object(answers: Mapping[str, Answer], taken: Mapping[str, str]) -> dict[str, Any]:
    """Return everything as one object."""
    figures: dict[str, Any] = {}
    for answer in answers.values():
        figures.update(answer.figures)
    goals = {
        goal.name: {"value": goal.value, "goal": goal.limit, "met": goal.met}
        for answer in answers.values()
        for goal in answer.goals
    }
    return {**figures, "goals": goals, "conditions": dict(taken)}


def page(
    answers: Mapping[str, Answer],
    taken: Mapping[str, str],
    shares: list[tuple[str, float]],
    *,
    beside: Mapping[str, Any] | None,
) -> str:
    """Return everything as a page in Markdown; `beside` is such an object from another Python."""
    parts = [INTRODUCTION, "## Conditions\n", "\n".join(f"- {name}: {value}" for name, value in taken.items()), ""]
    parts += [
        "## Goals\n",
        _markdown(("goal", "measured", "held to", "met"), [_goal_row(goal) for goal in _all(answers)]),
    ]
    if beside is not None:
        parts += ["", *_two_pythons(_all(answers), taken, beside)]
    for name, answer in answers.items():
        parts += [f"\n## {name.capitalize()}\n", _markdown(answer.head, answer.rows), "", answer.how]
    parts += ["", PROFILE, _markdown(("part", "share"), [(part, f"{share:.1%}") for part, share in shares])]
    return "\n".join(parts) + "\n"


def _two_pythons(goals: list[Goal], taken: Mapping[str, str], beside: Mapping[str, Any]) -> list[str]:
    other = beside["conditions"]
    rows = [
        (goal.name, _with_unit(goal.value, goal), _with_unit(beside["goals"][goal.name]["value"], goal))
        for goal in goals
        if goal.name in beside["goals"]
    ]
    return [
        "## On two Pythons\n",
        _markdown(("goal", taken["python"], other["python"]), rows),
        "",
        f"The second column: {other['kind']}, load average {other['load_average']}, taken {other['taken']}.",
    ]


def _all(answers: Mapping[str, Answer]) -> list[Goal]:
    return [goal for answer in answers.values() for goal in answer.goals]


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
