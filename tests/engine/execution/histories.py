"""Journals of fixed programs, recorded on one Python and replayed on all; run this module to record them anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.engine.execution.driver import Driver, Step
from tests.engine.execution.programs import STEPS, Fate, Program, Tree, numbered
from weft.engine.execution.commands import Command
from weft.engine.execution.entries import Entry

FOLDER = Path(__file__).parents[2] / "histories" / "execution"
MINOR = "{}.{}".format(*sys.version_info)

LOOK, NOTE, RESERVE, CHARGE, SHIP = (("call", name) for name in ("look", "note", "reserve", "charge", "ship"))
FAIL = ("fail",)


def _several(kind: str, *parts: Tree) -> Tree:
    return (kind, *parts)


def _one_after_another(*parts: Tree) -> Tree:
    return ("sequence", *parts)


PROGRAMS: dict[str, Tree] = {
    "wait_for_in_time": ("wait_for", 4, _one_after_another(LOOK, ("sleep", 1), NOTE)),
    "wait_for_too_late": ("attempt", ("wait_for", 2, _one_after_another(LOOK, ("sleep", 5), NOTE)), CHARGE),
    "wait_for_nested": (
        "attempt",
        ("wait_for", 4, ("wait_for", 2, _several("gather", RESERVE, LOOK, ("sleep", 5)))),
        LOOK,
    ),
    "wait_for_of_nothing": ("attempt", ("wait_for", 0, _one_after_another(LOOK, NOTE)), _one_after_another(LOOK, LOOK)),
    "wait_for_saga": ("attempt", ("wait_for", 2, ("saga", _one_after_another(RESERVE, ("sleep", 5), CHARGE))), LOOK),
    "wait_for_receive": ("attempt", ("wait_for", 2, ("receive", -1)), ("receive", 3)),
    "wait_for_in_gather": _several(
        "gather", ("wait_for", 2, RESERVE), ("attempt", ("wait_for", 2, ("sleep", 5)), NOTE)
    ),
    "timeout_of_a_saga": ("attempt", ("timeout", 2, ("saga", _one_after_another(RESERVE, ("sleep", 5)))), LOOK),
    "timeout_in_a_saga": (
        "saga",
        _one_after_another(RESERVE, ("attempt", ("timeout", 2, ("sleep", 5)), NOTE), CHARGE, FAIL),
    ),
    "gather_fails": ("attempt", ("saga", _several("gather", _one_after_another(RESERVE, CHARGE), FAIL, NOTE)), LOOK),
    "groups_nested": ("attempt", _several("group", _several("group", RESERVE, FAIL), NOTE, ("sleep", 5)), LOOK),
    "group_in_a_saga": ("saga", _one_after_another(_several("group", RESERVE, _one_after_another(CHARGE, LOOK)), FAIL)),
    "first_completed": _one_after_another(_several("first", RESERVE, ("sleep", 2), LOOK), NOTE),
    "cancelled_task": (
        "cancel",
        ("saga", _one_after_another(RESERVE, ("sleep", 5))),
        _one_after_another(("sleep", 1), NOTE),
    ),
    "shielded": ("attempt", ("timeout", 2, ("shield", _one_after_another(NOTE, ("sleep", 5)))), LOOK),
    "left_over": _one_after_another(("spawn", ("saga", _one_after_another(RESERVE, ("sleep", 5)))), LOOK),
    "shipped": ("attempt", ("timeout", 2, ("saga", _one_after_another(RESERVE, SHIP, ("sleep", 5), NOTE))), LOOK),
    "messages": _several("gather", ("receive", -1), ("receive", 3), _one_after_another(LOOK, ("receive", -1))),
    "swallowed": ("swallow", _several("gather", RESERVE, ("receive", -1)), _one_after_another(LOOK, NOTE)),
    "sagas_nested": (
        "attempt",
        ("saga", _several("gather", ("saga", RESERVE), ("saga", _one_after_another(CHARGE, FAIL)))),
        NOTE,
    ),
}

FATES = [Fate(1, kind=True), Fate(2, cancels=0), Fate(3, cancels=1), Fate(4, cancels=2)]


class History(NamedTuple):
    """One recorded journal: which program, under which fate, on which Python."""

    program: str
    fate: int
    python: str
    steps: list[Step]

    def __repr__(self) -> str:
        return f"{self.program}-{self.fate}-{self.python}"


def begin(name: str) -> tuple[Program, Driver]:
    """Return a program and a driver of it."""
    program = numbered(PROGRAMS[name])
    return program, Driver(program.flow)


def record(name: str, fate: int) -> History:
    """Let a program live to its end and return its journal."""
    _, run = begin(name)
    run.start()
    while run.ended is None and len(run.journal) < STEPS:
        FATES[fate].live(run)
    run.evict()
    return History(name, fate, MINOR, run.journal)


def write() -> None:
    """Record all histories on this Python."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name in PROGRAMS:
        for fate in range(len(FATES)):
            history = record(name, fate)
            lines.append(json.dumps({"program": name, "fate": fate, "python": MINOR}))
            lines += [json.dumps(_plain(step)) for step in history.steps]
    (FOLDER / f"{MINOR}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> Iterator[History]:
    """Yield the histories of a file."""
    history: History | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if isinstance(row, dict):
            if history is not None:
                yield history
            history = History(**row, steps=[])
        else:
            assert history is not None, "a history begins with its name"
            entry, at_ms, commands = (_rich(each) for each in row)
            told = msgspec.convert(entry, Entry)
            history.steps.append(Step(told, at_ms, msgspec.convert(commands, list[Command])))
    if history is not None:
        yield history


def _plain(value: Any) -> Any:
    """Return a step as JSON knows it; bytes, which are text here, are marked."""
    if isinstance(value, bytes):
        return f"bytes:{value.decode()}"
    if isinstance(value, Step):
        value = [msgspec.to_builtins(each, builtin_types=(bytes,)) for each in value]
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _rich(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("bytes:"):
        return value.removeprefix("bytes:").encode()
    return [_rich(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    write()
