"""What is said of a run that failed, and of weft where it failed itself."""

from __future__ import annotations

import logging

from weft.engine.execution.commands import RunEnded
from weft.errors import WeftError
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")


def reason_of(command: RunEnded) -> str:
    """Return why a run did not complete, in one line; empty if it did."""
    if command.final is RunStatus.COMPLETED:
        return ""
    line = f" (at {command.line})" if command.line else ""
    return f"{command.kind}: {command.text}{line}"


def own_failure(error: Exception) -> WeftError:
    """Return what blocks a run over which weft itself failed, and log it with its traceback."""
    log.error("weft itself failed", exc_info=error)
    what = f"weft itself failed: {type(error).__name__}: {error}"
    return WeftError(what, remedy="report it, with the traceback in the log; nothing is lost, `retry` tries again")
