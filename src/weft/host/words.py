"""What an exception says, fit to be written down: not endless, and without half characters."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

from weft.errors import CallFailed

TEXT_CHARACTERS = 2_000
"""Of an exception's text at most this much is kept: it goes into the journal."""

logger = logging.getLogger("weft.host")


def text_of(error: BaseException) -> str:
    """Return an exception's own words."""
    try:
        text = error.what if isinstance(error, CallFailed) else str(error)
    except Exception as broken:  # noqa: BLE001 - the border: even its words may be broken
        return f"({type(broken).__name__} in its text)"
    if len(text) > TEXT_CHARACTERS:
        text = f"{text[:TEXT_CHARACTERS]} (and {len(text) - TEXT_CHARACTERS:,} characters more)"
    return _whole(text)


def words_of(error: BaseException) -> str:
    """Return an exception's type and its own words."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def raised_at(error: BaseException) -> str:
    """Return `file:line` of where an exception was raised; empty if it never was."""
    trace: TracebackType | None = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def log_failure(what: str, target: str, error: BaseException) -> None:
    """Log an exception that ends here with its traceback, whatever it says."""
    if not logger.isEnabledFor(logging.WARNING):
        return
    story = "".join(traceback.format_exception(error))
    whole = _whole(story)
    if whole == story:
        logger.warning(what, target, exc_info=error)
    else:
        # A log's file or stream would refuse the text, and the whole record with it.
        logger.warning("%s\n%s", what % target, whole)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
