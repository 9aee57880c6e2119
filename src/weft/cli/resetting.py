"""`weft runs reset`: cut a run after a step, beside a running engine or without one."""

from __future__ import annotations

import click

from weft.cli import texts
from weft.cli.asking import RUN, ask, request_of, said
from weft.cli.invocation import Invocation, asking_options, common_options
from weft.cli.naming import run_named
from weft.engine.embedded.resets import check_step
from weft.engine.embedded.store import RunRow, Store


@click.command("reset", help=texts.RESET, epilog=texts.RESET_EXAMPLES)
@RUN
@click.option("--at", "step", required=True, metavar="STEP", help=texts.AT_OPTION)
@click.option("--undo/--keep", "undo", default=True, help=texts.EFFECTS_OPTION)
@click.option("--reason", required=True, metavar="TEXT", help=texts.REASON_OPTION)
@asking_options
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, words: tuple[str, ...], step: str, undo: bool, reason: str) -> int:
    """Cut a run after a step and let it go on from there."""
    workflow, run_id, _ = run_named(words)
    body = f"{'undo' if undo else 'keep'}\n{step}".encode()
    request = request_of("reset", workflow, run_id, body=body, why=said(reason))

    def check(store: Store, row: RunRow) -> None:
        check_step(store.journal(row.key, generation=row.generation), row, step)

    return ask(invocation, request, check=check, ended=True)
