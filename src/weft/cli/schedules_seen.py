"""`weft schedules list|show`: schedules as they stand on disk."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from weft.cli import exits
from weft.cli import schedule_texts as texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import columns, duration, in_one_line, instant, put, put_json, say
from weft.engine.embedded.schedules import table
from weft.engine.embedded.schedules.table import Kept
from weft.engine.embedded.schedules.view import view_of
from weft.engine.embedded.store import Store
from weft.errors import ScheduleNotFound
from weft.model.run import RunStatus
from weft.model.schedule import SPEC, ScheduledRun, ScheduleView
from weft.model.timing import MILLISECOND

DEFAULT_LIMIT = 50


@click.command("list", help=texts.LIST, epilog=texts.LIST_EXAMPLES)
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help=texts.LIMIT_OPTION)
@click.option("--after", metavar="ID", default="", help=texts.AFTER_OPTION)
@common_options
@click.pass_obj
def listing(invocation: Invocation, /, *, limit: int, after: str) -> int:
    """List schedules."""
    with reading(invocation) as (store, _):
        found = table.listed(store, after=after, limit=limit + 1)
        views = [seen(store, kept) for kept in found[:limit]]
    if invocation.json:
        for view in views:
            put_json(described(view))
    elif not views:
        say(texts.NO_SCHEDULES)
    else:
        for line in columns([texts.COLUMNS, *map(_cells, views)]):
            put(line)
    if len(found) > limit:
        say(texts.MORE_SCHEDULES.format(id=views[-1].spec.id))
    return exits.FINE


@click.command("show", help=texts.SHOW, epilog=texts.SHOW_EXAMPLES)
@click.argument("schedule", metavar="ID")
@common_options
@click.pass_obj
def show(invocation: Invocation, /, *, schedule: str) -> int:
    """Show one schedule."""
    with reading(invocation) as (store, path):
        view = seen(store, find_schedule(store, schedule, path))
    if invocation.json:
        put_json(described(view))
    else:
        _print(view)
    return exits.FINE


def find_schedule(store: Store, schedule: str, path: Path) -> Kept:
    """Return a schedule as it stands on disk.

    Raises:
        ScheduleNotFound: there is none.
    """
    kept = table.find(store, schedule)
    if kept is None:
        raise ScheduleNotFound(texts.NO_SCHEDULE.format(id=schedule), where=str(path))
    return kept


def seen(store: Store, kept: Kept) -> ScheduleView:
    """Return a schedule with its runs as they stand."""

    def status_of(workflow: str, run_id: str) -> RunStatus | None:
        row = store.find(workflow, run_id)
        return None if row is None else RunStatus(row.status)

    return view_of(kept, status_of)


def _state(view: ScheduleView) -> str:
    if view.trouble:
        return in_one_line(view.trouble)
    if view.paused:
        return f"{texts.PAUSED}: {in_one_line(view.note)}" if view.note else texts.PAUSED
    return texts.GOING_ON if view.next or view.waiting or view.running else texts.OVER


def _cells(view: ScheduleView) -> tuple[str, ...]:
    counts, last = view.counts, view.recent[0] if view.recent else None
    return (
        view.spec.id,
        view.spec.workflow,
        in_one_line(str(view.spec.times)),
        _shown(view.next[0]) if view.next else "",
        "" if last is None or last.status is None else last.status.label,
        f"{counts.started:,}",
        f"{counts.skipped:,}",
        f"{counts.missed:,}",
        _state(view),
    )


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")


def _print(view: ScheduleView) -> None:
    spec, local = view.spec, view.spec.times.local
    put(texts.HEAD.format(id=spec.id, workflow=spec.workflow, times=in_one_line(str(spec.times)), state=_state(view)))
    window = duration(spec.catchup_window // MILLISECOND)
    put(texts.RULES.format(overlap=spec.overlap.value, window=window))
    put(texts.COUNTS.format(**vars(view.counts)))
    lines = [(texts.NEXT, _shown(each), "") for each in view.next]
    lines += [(texts.WAITS, _shown(each), "") for each in view.waiting]
    lines += [(texts.FILLS, _shown(start), _shown(end)) for start, end in view.backfills]
    lines += [(texts.RECENT, _shown(local(each.at_ms)), _told(each)) for each in view.recent]
    for deed in view.deeds:
        text = texts.BY_BECAUSE if deed.why else texts.BY
        said = text.format(what=deed.what, who=deed.who, why=deed.why)
        lines.append((texts.DEED, _shown(local(deed.at_ms)), in_one_line(said)))
    for line in columns(lines):
        put(line)


def _told(run: ScheduledRun) -> str:
    late_ms = run.started_ms - run.at_ms
    remarks = [run.id, "" if run.status is None else run.status.label]
    if run.by_hand:
        remarks.append(texts.BY_HAND)
    elif late_ms > 0:
        remarks.append(texts.STARTED_LATE.format(late=duration(late_ms)))
    return ", ".join(each for each in remarks if each)


def described(view: ScheduleView) -> dict[str, object]:
    """Return a schedule as programs read it; every time carries its offset."""
    spec = json.loads(SPEC.encode(view.spec))
    given = spec.pop("input")
    local = view.spec.times.local
    return {
        **spec,
        "input": None if given is None else json.loads(given),
        "takes_occurrence": given is None,
        "declared": view.declared,
        "paused": view.paused,
        "note": view.note,
        "trouble": view.trouble,
        "next": [each.isoformat() for each in view.next],
        "remaining": view.remaining,
        "counts": vars(view.counts),
        "running": list(view.running),
        "waiting": [each.isoformat() for each in view.waiting],
        "backfills": [[each.isoformat() for each in ends] for ends in view.backfills],
        "recent": [
            {
                "id": each.id,
                "at": local(each.at_ms).isoformat(),
                "started": instant(each.started_ms),
                "by_hand": each.by_hand,
                "status": None if each.status is None else each.status.label.replace(" ", "-"),
            }
            for each in view.recent
        ],
        "deeds": [{**vars(each), "at": instant(each.at_ms)} for each in view.deeds],
    }
