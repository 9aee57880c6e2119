"""`weft runs export`: runs with everything that is on record of them, as lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from weft.cli import exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.naming import find_run, run_named
from weft.cli.output import say
from weft.cli.selecting import query_of
from weft.clock import SystemClock
from weft.engine.embedded.export import exported
from weft.engine.embedded.questions import Asker
from weft.engine.embedded.store import RunRow

AT_ONCE = 500
"""Runs read from the store at once."""


@click.command("export", help=texts.EXPORT, epilog=texts.EXPORT_EXAMPLES)
@click.argument("words", nargs=-1, metavar="[WORKFLOW ID]")
@click.option("--where", metavar="QUERY", default="", help=texts.WHERE_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, words: tuple[str, ...], where: str) -> int:
    """Write runs as lines of JSON."""
    if words and where:
        raise click.UsageError(texts.ID_OR_WHERE)
    runs = entries = 0
    with reading(invocation) as (store, _):
        asker = Asker(store, SystemClock())
        if words:
            workflow, run_id, _ = run_named(words)
            rows = iter([find_run(store, workflow, run_id)])
        else:
            rows = _all(asker, where)
        for row in rows:
            runs += 1
            for line in exported(store, row, attributes=asker.attributes(row)):
                sys.stdout.write(f"{line.decode()}\n")
                entries += 1
    say(texts.EXPORTED.format(runs=runs, lines=entries))
    return exits.FINE


def _all(asker: Asker, where: str) -> Iterator[RunRow]:
    query = query_of(where, workflow=None, statuses=())
    cursor = ""
    while True:
        *_, page = asker.page(query, limit=AT_ONCE, after=cursor)
        yield from page.rows
        if page.cursor is None:
            return
        cursor = page.cursor
