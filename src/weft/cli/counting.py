"""`weft runs count`: how many runs there are, by one of their fields."""

from __future__ import annotations

import click

from weft.cli import exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import columns, in_one_line, put, put_json
from weft.cli.visiting import counts_of, visits
from weft.clock import SystemClock
from weft.engine.embedded.questions import Asker
from weft.model.query.parser import parse


@click.command("count", help=texts.COUNT, epilog=texts.COUNT_EXAMPLES)
@click.option("--where", metavar="QUERY", default="", help=texts.WHERE_OPTION)
@click.option("--by", metavar="FIELD", default="", help=texts.BY_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, where: str, by: str) -> int:
    """Count runs."""
    query = parse(where)
    if visits(invocation):
        counts = counts_of(invocation, where, by=by)
    else:
        with reading(invocation) as (store, _):
            *_, counts = Asker(store, SystemClock()).count(query, by=by)
    if not by:
        total = sum(counts.values())
        put_json({"runs": total}) if invocation.json else put(f"{total}")
        return exits.FINE
    lines = sorted(counts.items(), key=lambda line: (-line[1], line[0]))
    if invocation.json:
        for value, count in lines:
            put_json({by: value, "runs": count})
    else:
        rows = [(in_one_line(value or texts.NOTHING_SAID), f"{count:,}") for value, count in lines]
        for line in columns([(by, texts.COUNT_COLUMN), *rows]):
            put(line)
    return exits.FINE
