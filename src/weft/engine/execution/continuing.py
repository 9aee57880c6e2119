"""Continuing as new: when a run may, and what goes over to its next generation."""

from __future__ import annotations

from typing import Any, cast

from weft.engine.execution.calls import Calls
from weft.engine.execution.entries import Started
from weft.engine.execution.loop import RunLoop
from weft.errors import ContinuationRefused

NEARLY_FULL = 0.8
"""The part of the journal's limit from which `journal_nearly_full` is true."""


class Continued(BaseException):
    """Leave the workflow: the run goes on as a new generation. No Exception, so that no `except Exception` keeps it."""


def is_continued(error: BaseException | None) -> bool:
    """Tell whether a workflow was left to continue as new, also out of a task group."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[Any]", error).split(Continued)[1] is None
    return isinstance(error, Continued)


def nearly_full(started: Started | None, entries: int) -> bool:
    """Tell whether a journal has nearly reached the limit that was recorded at its start."""
    return started is not None and entries >= started.journal_entries * NEARLY_FULL


def refuse_to_continue(loop: RunLoop, calls: Calls, *, closing: bool) -> None:
    """Raise where a run may not continue as new, as SEMANTICS.md 12 says.

    Raises:
        ContinuationRefused: in a task of its own, inside a saga, or while effects have not come to rest.
    """
    task = loop.current
    what = ""
    # The task that 3.11 makes inside `wait_for` has its parent's path: where 3.12 goes on, 3.11 must.
    if closing or task is None or task.path is not calls.root_path:
        what = "continue_as_new works in the workflow itself, not in a task that it made"
    elif task.scope is not None and task.scope.effective().parent is not None:
        what = "continue_as_new works outside of sagas only: their undos would be forgotten"
    elif calls.open_effects():
        what = f"{calls.open_effects()} calls have not come to rest: their outcomes would be forgotten"
    if what:
        raise ContinuationRefused(what, where=loop.line())
