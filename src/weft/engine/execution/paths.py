"""Structural ids: task path, what is asked for, a counter of that in that task; no interleaving shifts them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

UNDO = "~undo"

_HERE = str(Path(__file__).parents[2]) + os.sep
_ASYNCIO = str(Path(asyncio.__file__).parent) + os.sep
_TOPS = frozenset({"RunLoop._drain", "Execution.tell"})
"""What a step begins in: beyond it stands whoever steps the run, another one at each replay."""

_TOP_FILES = tuple(str(Path(__file__).with_name(name)) for name in ("loop.py", "execution.py"))

_THEIRS, _OURS, _OURS_WITH_TOPS = range(3)

_kinds: dict[str, int] = {}
_places: dict[tuple[str, int], str] = {}
_here: dict[tuple[int, int], tuple[str, CodeType]] = {}
"""Lines by code and instruction: to find out the line of an instruction takes longer. The code is kept for its id."""

_HERE_KEPT = 20_000
"""More than a program has places; code that is made anew all the time fills it, and it begins again."""


class TaskPath:
    """Where a task stands in the tree of tasks, with its counters.

    A task made by the standard `wait_for` shares its parent's: CPython 3.11 makes one and 3.12 and later do not.
    """

    __slots__ = ("_counts", "prefix")

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self._counts: dict[str, int] = {}

    def next(self, what: str) -> str:
        """Return the path of the next `what` in this task, as `prefix/what.1`."""
        count = self._counts.get(what, 0) + 1
        self._counts[what] = count
        return f"{self.prefix}{what}.{count}"

    def child(self) -> TaskPath:
        """Return the path of the next task made by this one."""
        return TaskPath(self.next("task") + "/")


def call_id(chain: str, *, generation: int, epoch: int, path: str) -> str:
    """Return what services know a call by: chain / generation / epoch / path."""
    return f"{chain}/{generation}/{epoch}/{path}"


def line_of_caller(depth: int) -> str:
    """Return `file:line` of the run's nearest frame that is neither asyncio's nor weft's, from `depth` frames up.

    Nothing where the step has no such frame, as in a bare operation that `gather` made a task of.
    """
    return line_above(sys._getframe(depth + 1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way to the caller


def line_above(frame: FrameType | None) -> str:
    """Return `file:line` of the nearest frame of a run, from a frame up, that is neither asyncio's nor weft's."""
    while frame is not None:
        code = frame.f_code
        filename = code.co_filename
        kind = _kinds.get(filename)
        if kind is None:
            kind = _kind(filename)
        if kind == _THEIRS:
            return _place_now(frame, code)
        if kind == _OURS_WITH_TOPS and code.co_qualname in _TOPS:
            return ""
        frame = frame.f_back
    return ""


def _place_now(frame: FrameType, code: CodeType) -> str:
    key = (id(code), frame.f_lasti)
    known = _here.get(key)
    if known is None:
        if len(_here) >= _HERE_KEPT:
            _here.clear()
        known = _here[key] = (place(frame), code)
    return known[0]


def place_raised(error: BaseException) -> str:
    """Return `file:line` of the innermost frame that the exception passed and that is neither asyncio's nor weft's."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code.co_filename):
            found = place(trace.tb_frame, trace.tb_lineno)
        trace = trace.tb_next
    return found


def place(frame: FrameType, line: int | None = None) -> str:
    """Return `file:line` of a frame, with the file's last two names: journals move between machines."""
    key = (frame.f_code.co_filename, frame.f_lineno if line is None else line)
    known = _places.get(key)
    if known is None:
        known = _places[key] = f"{'/'.join(key[0].rsplit(os.sep, 2)[-2:])}:{key[1]}"
    return known


def _is_ours(filename: str) -> bool:
    return _kind(filename) != _THEIRS


def _kind(filename: str) -> int:
    kind = _kinds.get(filename)
    if kind is None:
        kind = _OURS if filename.startswith((_HERE, _ASYNCIO, "<frozen")) else _THEIRS
        kind = _kinds[filename] = _OURS_WITH_TOPS if filename in _TOP_FILES else kind
    return kind


def place_suspended(coro: Any) -> str:
    """Return `file:line` at which a coroutine is suspended, in its innermost frame not asyncio's and not weft's."""
    found = ""
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None) or getattr(coro, "ag_frame", None)
        if frame is not None and not _is_ours(frame.f_code.co_filename):
            found = place(frame)
        coro = getattr(coro, "cr_await", None) or getattr(coro, "ag_await", None)
    return found


def made_by(depth: int) -> str:
    """Return the function of asyncio.tasks that makes a task of a bare coroutine, or nothing if the user does.

    Only frames of asyncio count, from `depth` frames up to the first that is not: beyond it stands whoever awaits the
    maker, and under CPython 3.12 and later that may be a `wait_for` which has nothing to do with the task.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_filename == asyncio.tasks.__file__:
        name = frame.f_code.co_qualname
        if name == "wait_for":
            return name
        if name.startswith(("as_completed", "_AsCompletedIterator")):
            return "as_completed"
        frame = frame.f_back
    return ""
