"""occurrence: which time of which schedule a run was started for."""

from __future__ import annotations

from typing import cast

from weft.codec import codec_for
from weft.flow.ambient import CurrentRun, running
from weft.model.schedule import Occurrence

_OCCURRENCE = codec_for(Occurrence)


def occurrence() -> Occurrence | None:
    """Return which time of which schedule this run was started for; nothing for other runs.

    It is the time that the schedule names, on the clocks of its zone, however late the run began: a report "for
    yesterday" made from it is the same report when it is made after a day of downtime. It stays through all
    generations of the run.
    """
    started = cast("CurrentRun", running("occurrence()")).started
    return _OCCURRENCE.decode(started.occurrence) if started is not None and started.occurrence else None
