"""`weft worker`: this process takes its share of a System's work from a Temporal server."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sys
from contextlib import redirect_stdout
from typing import Any

import click

from weft.cli import worker_texts as texts
from weft.cli.configured import settings_of
from weft.cli.invocation import Invocation, common_options
from weft.cli.target import load_system
from weft.cli.work import serve
from weft.engine.errors import WorkersUnknown
from weft.engine.temporal.pace import VERSIONING, Pace, check_pace
from weft.host.settings import Settings, duration, masked


@click.command("worker", help=texts.WORKER, epilog=texts.WORKER_EXAMPLES)
@click.argument("target")
@click.option("--workflows", type=click.IntRange(1), metavar="N", help=texts.WORKFLOWS_OPTION)
@click.option("--operations", type=click.IntRange(1), metavar="N", help=texts.OPERATIONS_OPTION)
@click.option("--cached", type=click.IntRange(0), metavar="N", help=texts.CACHED_OPTION)
@click.option("--drain", metavar="DURATION", help=texts.DRAIN_OPTION)
@click.option("--queue", "serves", multiple=True, metavar="NAME", help=texts.QUEUE_OPTION)
@click.option("--deployment", metavar="NAME", help=texts.DEPLOYMENT_OPTION)
@click.option("--build-id", metavar="ID", help=texts.BUILD_ID_OPTION)
@click.option("--versioning", type=click.Choice(VERSIONING), help=texts.VERSIONING_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, target: str, drain: str | None, **flags: Any) -> int:
    """Work until SIGTERM or SIGINT, then drain."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="weft: %(message)s")
    settings = settings_of(invocation)
    said = {name: value for name, value in flags.items() if value is not None and value != ()}
    if drain is not None:
        said["drain"] = duration("--drain", drain)
    settings = dataclasses.replace(settings, worker=worker_of(settings, said))
    system = load_system(target)
    with redirect_stdout(sys.stderr):
        return asyncio.run(serve(system, settings))


def worker_of(settings: Settings, said: dict[str, Any]) -> Pace:
    """Return how the worker works: what the settings say, and above them the command line.

    Raises:
        WorkersUnknown: The engine has no workers.
        SettingInvalid: A version is only half said.
    """
    if not settings.is_temporal:
        what = f"the engine {masked(settings.engine)!r} works in the process that owns it and has no workers"
        raise WorkersUnknown(what)
    pace = dataclasses.replace(settings.worker, **said)
    check_pace(pace)
    return pace
