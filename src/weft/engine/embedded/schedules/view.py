"""A schedule as people see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from weft.engine.embedded.schedules.table import Kept
from weft.model.run import RunStatus
from weft.model.schedule import ScheduleView

NEXT_SHOWN = 5
"""Next times of a schedule that are told."""

StatusOf = Callable[[str, str], RunStatus | None]
"""Tells how a run stands, by workflow and id; nothing if it is not kept."""


def view_of(kept: Kept, status_of: StatusOf, *, next_shown: int = NEXT_SHOWN) -> ScheduleView:
    """Return a schedule with its next times, and its last runs as they stand."""
    spec, state, _ = kept
    local = spec.times.local
    is_over = state.paused or (state.remaining is not None and state.remaining <= 0)
    upcoming = () if is_over else islice(spec.times.after(state.done_ms), next_shown)
    return ScheduleView(
        spec=spec,
        declared=state.declared,
        paused=state.paused,
        note=state.note,
        trouble=state.trouble,
        next=tuple(local(at_ms) for at_ms in upcoming),
        remaining=state.remaining,
        counts=state.counts,
        running=tuple(each.run_id for each in state.going if _is_open(status_of(spec.workflow, each.run_id))),
        waiting=tuple(local(each.at_ms) for each in state.waiting),
        backfills=tuple((local(each.after_ms + 1), local(each.until_ms)) for each in state.backfills),
        recent=tuple(replace(each, status=status_of(spec.workflow, each.id)) for each in reversed(state.recent)),
        deeds=tuple(reversed(state.deeds)),
    )


def _is_open(status: RunStatus | None) -> bool:
    return status is not None and status.is_open
