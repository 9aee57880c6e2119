"""Cancelling what Temporal does for a run, without losing an outcome that came at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TURNS = 8
"""Turns of Temporal's loop in which everything is heard that came in one of its tasks, outcomes of activities too."""


def cancel_later(loop: asyncio.AbstractEventLoop, cancel: Callable[[], object], turns: int = TURNS) -> None:
    """Cancel once everything has been heard that came with what led to it.

    A handle that is cancelled when its activity has just completed ends as cancelled, and the outcome is gone: the run
    would wait for it for ever. And one that is cancelled before its first step ends without any. What has ended in the
    meantime is left alone: to cancel that is harmless.
    """
    if turns:
        loop.call_soon(cancel_later, loop, cancel, turns - 1)
    else:
        cancel()
