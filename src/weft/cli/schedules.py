"""`weft schedules`: what people see of schedules and do to them, beside a running engine."""

from __future__ import annotations

import click

from weft.cli import schedule_texts as texts
from weft.cli.invocation import common_options
from weft.cli.lazily import LazyGroup


@click.group(
    "schedules",
    cls=LazyGroup,
    commands_at={
        "list": ("weft.cli.schedules_seen:listing", texts.LIST_SHORT),
        "show": ("weft.cli.schedules_seen:show", texts.SHOW_SHORT),
        "create": ("weft.cli.schedule_creating:create", texts.CREATE_SHORT),
        "pause": ("weft.cli.schedule_asking:pause", texts.PAUSE_SHORT),
        "resume": ("weft.cli.schedule_asking:resume", texts.RESUME_SHORT),
        "trigger": ("weft.cli.schedule_asking:trigger", texts.TRIGGER_SHORT),
        "backfill": ("weft.cli.schedule_asking:backfill", texts.BACKFILL_SHORT),
        "delete": ("weft.cli.schedule_asking:delete", texts.DELETE_SHORT),
    },
    help=texts.SCHEDULES,
    epilog=texts.SCHEDULES_EXAMPLES,
)
@common_options
def command() -> None:
    """Hold the commands about schedules together."""
