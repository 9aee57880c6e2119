"""`weft run`: a System at work in this process, with runs started from a file or as a server of runs."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import redirect_stdout

import click

from weft.cli import exits, texts
from weft.cli.configured import settings_of
from weft.cli.inputs import Naming, read_plan
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import forget_reader, say
from weft.cli.target import load_system
from weft.cli.turns import Turn, turn_options
from weft.cli.work import serve, work_off
from weft.host.settings import unknown_name


@click.command("run", help=texts.RUN, epilog=texts.RUN_EXAMPLES)
@click.argument("target")
@click.argument("workflow", required=False)
@click.option("--input", "source", metavar="FILE", help=texts.INPUT_OPTION)
@click.option("--id", "run_id", metavar="ID", help=texts.ID_OPTION)
@click.option("--id-field", "field", metavar="NAME", help=texts.ID_FIELD_OPTION)
@turn_options
@common_options
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    *,
    target: str,
    workflow: str | None,
    source: str | None,
    run_id: str | None,
    field: str | None,
    turn: Turn,
) -> int:
    """Start runs and wait for them, or serve until stopped."""
    _check_options(workflow, source, more=bool(run_id or field or turn))
    if run_id is not None and field is not None:
        raise click.UsageError(texts.ID_OR_FIELD)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="weft: %(message)s")
    settings = settings_of(invocation)
    system = load_system(target)
    if workflow is None or source is None:
        with redirect_stdout(sys.stderr):
            return asyncio.run(serve(system, settings))
    spec = system.workflows.get(workflow)
    if spec is None:
        raise exits.wrong_use(unknown_name("workflow", workflow, system.workflows, where=target))
    plan = read_plan(source, spec, naming=Naming(run_id, field, turn.key_field), limits=settings.limits)
    out = sys.stdout
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results: what services print is talk
            return asyncio.run(work_off(system, spec, plan, queueing=turn.queueing, settings=settings, out=out))
    except BrokenPipeError:
        forget_reader()
        say(texts.READER_GONE)
        return exits.FINDING


def _check_options(workflow: str | None, source: str | None, *, more: bool) -> None:
    if workflow is not None and source is None:
        raise click.UsageError(texts.INPUT_MISSING.format(workflow=workflow))
    if workflow is None and (source is not None or more):
        raise click.UsageError(texts.WORKFLOW_MISSING)
