"""now: the time inside a run."""

from __future__ import annotations

from datetime import datetime

from weft.clock import to_datetime
from weft.flow.ambient import running


def now() -> datetime:
    """Return the time of the event that the run is answering: aware, UTC, the same in every replay."""
    return to_datetime(running("now()").now_ms())
