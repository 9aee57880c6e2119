"""`weft runs list`: runs that are asked for, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from weft.cli import exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import columns, duration, in_one_line, instant, is_terminal, moment, put, put_json, say
from weft.cli.selecting import STATUSES, query_of, word_of
from weft.cli.visiting import SeenRun, page_of, seen, visits
from weft.clock import SystemClock
from weft.engine.embedded.questions import Asker
from weft.engine.embedded.store import RunRow
from weft.model.query.rendering import render
from weft.model.run import RunStatus

DEFAULT_LIMIT = 50


@click.command("list", help=texts.LIST, epilog=texts.LIST_EXAMPLES)
@click.option("--where", metavar="QUERY", default="", help=texts.WHERE_OPTION)
@click.option("--workflow", metavar="NAME", help=texts.WORKFLOW_OPTION)
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help=texts.STATUS_OPTION)
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help=texts.LIMIT_OPTION)
@click.option("--after", metavar="CURSOR", default="", help=texts.AFTER_OPTION)
@common_options
@click.pass_obj
def command(
    invocation: Invocation, /, *, where: str, workflow: str | None, statuses: tuple[str, ...], limit: int, after: str
) -> int:
    """List runs."""
    query = query_of(where, workflow=workflow, statuses=statuses)
    if visits(invocation):
        found = page_of(invocation, render(query), limit=limit, after=after)
        _put(invocation, [seen(each) for each in found], [dict(each.attributes) for each in found])
        _say_more(limit, found.cursor)
        return exits.FINE
    with reading(invocation) as (store, _):
        asker = Asker(store, SystemClock())
        *_, page = asker.page(query, limit=limit, after=after)
        attributes = [asker.attributes(row) for row in page.rows]
    _put(invocation, page.rows, attributes)
    _say_more(limit, page.cursor)
    return exits.FINE


def _say_more(limit: int, cursor: str | None) -> None:
    if cursor is not None:
        say(texts.MORE_RUNS.format(limit=limit, cursor=cursor))


def _put(invocation: Invocation, rows: Sequence[RunRow | SeenRun], attributes: Sequence[dict[str, object]]) -> None:
    now_ms = SystemClock().now_ms()
    if invocation.json:
        for row, each in zip(rows, attributes, strict=True):
            put_json(described(row, each))
    elif not rows:
        say(texts.NO_RUNS)
    elif is_terminal():
        import_module("weft.cli.terminal").print_runs(rows, [cells(row, now_ms) for row in rows])
    else:
        for line in columns([texts.LIST_COLUMNS, *(cells(row, now_ms) for row in rows)]):
            put(line)


def cells(row: RunRow | SeenRun, now_ms: int) -> tuple[str, ...]:
    """Return a run's line, cell by cell; an open run lasts until now."""
    took_ms = max(0, (row.ended_ms or now_ms) - row.created_ms)
    status = RunStatus(row.status).label
    return (
        in_one_line(row.workflow), in_one_line(row.run_id), status, str(row.generation), moment(row.created_ms),
        duration(took_ms), in_one_line(row.reason),
    )  # fmt: skip


def described(row: RunRow | SeenRun, attributes: dict[str, object]) -> dict[str, object]:
    """Return a run as programs read it."""
    return {
        "workflow": row.workflow,
        "id": row.run_id,
        "status": word_of(RunStatus(row.status)),
        "created": instant(row.created_ms),
        "ended": instant(row.ended_ms),
        "duration_ms": None if row.ended_ms is None else row.ended_ms - row.created_ms,
        "tenant": row.tenant,
        "generation": row.generation,
        "attributes": attributes,
        "reason": row.reason,
        "epoch": row.epoch,
    }
