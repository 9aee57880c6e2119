"""Errors of weft itself, told as what they are."""

from __future__ import annotations

import logging

from weft.errors import WeftError

log = logging.getLogger("weft.engine")


def own_failure(error: Exception) -> WeftError:
    """Log what weft itself failed with, and return it as the reason for which a run is blocked."""
    log.error("weft itself failed", exc_info=error)
    what = f"weft itself failed: {type(error).__name__}: {error}"
    return WeftError(what, remedy="report it, with the traceback in the log; nothing is lost, `retry` tries again")
