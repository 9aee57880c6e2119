"""`weft runs`: what people see of runs and do to them, beside a running engine."""

from __future__ import annotations

import click

from weft.cli import bulk_texts, texts
from weft.cli.invocation import common_options
from weft.cli.lazily import LazyGroup


@click.group(
    "runs",
    cls=LazyGroup,
    commands_at={
        "list": ("weft.cli.listing", texts.LIST_SHORT),
        "count": ("weft.cli.counting", texts.COUNT_SHORT),
        "show": ("weft.cli.show", texts.SHOW_SHORT),
        "signal": ("weft.cli.asking:signal", texts.SIGNAL_SHORT),
        "ask": ("weft.cli.questioning", texts.ASK_SHORT),
        "cancel": ("weft.cli.asking:cancel", texts.CANCEL_SHORT),
        "retry": ("weft.cli.asking:retry", texts.RETRY_SHORT),
        "skip": ("weft.cli.asking:skip", texts.SKIP_SHORT),
        "terminate": ("weft.cli.asking:terminate", texts.TERMINATE_SHORT),
        "delete": ("weft.cli.removing", bulk_texts.DELETE_SHORT),
        "export": ("weft.cli.exporting", texts.EXPORT_SHORT),
        "reset": ("weft.cli.resetting", texts.RESET_SHORT),
    },
    help=texts.RUNS,
    epilog=texts.RUNS_EXAMPLES,
)
@common_options
def command() -> None:
    """Hold the commands about runs together."""
