"""`weft runs delete`: delete a run that has ended, or all of them that a query means."""

from __future__ import annotations

import dataclasses

import click

from weft.cli import bulk_texts, texts
from weft.cli.asking import named, request_of
from weft.cli.bulk import Act, act_on_all
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, asking_options, bulk_options, common_options
from weft.cli.naming import find_run, run_named
from weft.cli.visiting import request as ask_server
from weft.cli.visiting import visits
from weft.errors import RunOpen
from weft.model.query.rendering import render
from weft.model.query.tree import And, Compare, Name, Query, Text
from weft.model.run import RunStatus


@click.command("delete", help=bulk_texts.DELETE, epilog=bulk_texts.DELETE_EXAMPLES)
@click.argument("words", nargs=-1, metavar="WORKFLOW ID")
@click.option("--reason", default="", metavar="TEXT", help=texts.REASON_OPTION)
@bulk_options
@asking_options
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, words: tuple[str, ...], reason: str) -> int:
    """Delete runs that have ended."""
    who = named(request_of("delete", "", ""), invocation).who
    act = Act("delete", who, reason)
    if invocation.where is not None:
        return act_on_all(invocation, act)
    workflow, run_id, _ = run_named(words)
    if visits(invocation):
        return ask_server(invocation, named(request_of("delete", workflow, run_id, why=reason), invocation))
    with reading(invocation) as (store, _):
        row = find_run(store, workflow, run_id)
        if RunStatus(row.status).is_open:
            what = bulk_texts.NOT_ENDED.format(workflow=workflow, id=run_id, status=RunStatus(row.status).label)
            raise RunOpen(what, remedy=bulk_texts.NOT_ENDED_REMEDY)
    name = And((Compare(Name("workflow"), "=", Text(workflow)), Compare(Name("id"), "=", Text(run_id))))
    return act_on_all(dataclasses.replace(invocation, where=render(Query(name)), yes=True), act)
