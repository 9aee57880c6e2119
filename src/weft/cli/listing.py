"""`weft runs list`: the newest runs, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from weft.cli import exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import columns, duration, in_one_line, instant, is_terminal, moment, put, put_json, say
from weft.clock import SystemClock
from weft.engine.embedded.store import RunRow, Store
from weft.model.run import RunStatus

DEFAULT_LIMIT = 50
OPEN = "open"
"""All statuses that are not final."""

STATUSES = {each.label.replace(" ", "-"): each for each in RunStatus}


@click.command("list", help=texts.LIST, epilog=texts.LIST_EXAMPLES)
@click.option("--workflow", metavar="NAME", help=texts.WORKFLOW_OPTION)
@click.option("--status", "statuses", multiple=True, type=click.Choice([OPEN, *STATUSES]), help=texts.STATUS_OPTION)
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help=texts.LIMIT_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, workflow: str | None, statuses: tuple[str, ...], limit: int) -> int:
    """List runs."""
    with reading(invocation) as (store, _):
        rows = _select(store, workflow, _wanted(statuses), limit=limit + 1)
    now_ms = SystemClock().now_ms()
    shown = rows[:limit]
    if invocation.json:
        for row in shown:
            put_json(described(row))
    elif not shown:
        say(texts.NO_RUNS)
    elif is_terminal():
        import_module("weft.cli.terminal").print_runs(shown, [cells(row, now_ms) for row in shown])
    else:
        for line in columns([texts.LIST_COLUMNS, *(cells(row, now_ms) for row in shown)]):
            put(line)
    if len(rows) > limit:
        say(texts.MORE_RUNS.format(limit=limit))
    return exits.FINE


def _wanted(statuses: Sequence[str]) -> list[RunStatus]:
    if OPEN in statuses:
        return [each for each in RunStatus if each.is_open or _word(each) in statuses]
    return [STATUSES[word] for word in dict.fromkeys(statuses)]


def _word(status: RunStatus) -> str:
    return status.label.replace(" ", "-")


def _select(store: Store, workflow: str | None, statuses: Sequence[RunStatus], *, limit: int) -> list[RunRow]:
    if not statuses:
        return store.list_runs(workflow=workflow, limit=limit)
    # One look each: a run that moves between two of them may be in both, and counts once, as it was seen last.
    found = {row.key: row for each in statuses for row in store.list_runs(workflow=workflow, status=each, limit=limit)}
    return [found[key] for key in sorted(found, reverse=True)[:limit]]


def cells(row: RunRow, now_ms: int) -> tuple[str, ...]:
    """Return a run's line, cell by cell; an open run lasts until now."""
    took_ms = max(0, (row.ended_ms or now_ms) - row.created_ms)
    status = RunStatus(row.status).label
    return (
        in_one_line(row.workflow), in_one_line(row.run_id), status, moment(row.created_ms), duration(took_ms),
        in_one_line(row.reason),
    )  # fmt: skip


def described(row: RunRow) -> dict[str, object]:
    """Return a run as programs read it."""
    return {
        "workflow": row.workflow,
        "id": row.run_id,
        "status": _word(RunStatus(row.status)),
        "created": instant(row.created_ms),
        "ended": instant(row.ended_ms),
        "duration_ms": None if row.ended_ms is None else row.ended_ms - row.created_ms,
        "tenant": row.tenant,
        "reason": row.reason,
    }
