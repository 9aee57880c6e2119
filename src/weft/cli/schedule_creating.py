"""`weft schedules create`: a schedule from what was typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from weft.cli import schedule_texts as texts
from weft.cli.asking import read_typed
from weft.cli.invocation import Invocation, asking_options, common_options
from weft.cli.moments import moment, span
from weft.cli.schedule_asking import NOTE, OVERLAP, ask
from weft.model.schedule import SPEC, Overlap, ScheduleSpec, spec_of
from weft.model.timing import At, Cron, Every, Timing, zone_of

SPANS = ("catchup_window", "jitter", "within")


@click.command("create", help=texts.CREATE, epilog=texts.CREATE_EXAMPLES)
@click.argument("schedule", metavar="ID")
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--cron", "crons", multiple=True, metavar="FIELDS", help=texts.CRON_OPTION)
@click.option("--zone", default="UTC", show_default=True, metavar="NAME", help=texts.ZONE_OPTION)
@click.option("--every", "intervals", multiple=True, metavar="DURATION", help=texts.EVERY_OPTION)
@click.option("--offset", default="0s", metavar="DURATION", help=texts.OFFSET_OPTION)
@click.option("--at", "moments", multiple=True, metavar="MOMENT", help=texts.AT_OPTION)
@click.option("--excluding", multiple=True, metavar="FIELDS", help=texts.EXCLUDING_OPTION)
@click.option("--input", "data", metavar="JSON", help=texts.INPUT_OPTION)
@OVERLAP
@click.option("--catchup-window", metavar="DURATION", help=texts.CATCHUP_OPTION)
@click.option("--jitter", metavar="DURATION", help=texts.JITTER_OPTION)
@click.option("--start", metavar="MOMENT", help=texts.START_OPTION)
@click.option("--end", metavar="MOMENT", help=texts.END_OPTION)
@click.option("--limit", type=click.IntRange(1), help=texts.RUNS_OPTION)
@click.option("--within", metavar="DURATION", help=texts.WITHIN_OPTION)
@click.option("--pause-on-failure", is_flag=True, help=texts.FAILURE_OPTION)
@click.option("--tenant", default="", metavar="NAME", help=texts.TENANT_OPTION)
@click.option("--update", is_flag=True, help=texts.UPDATE_OPTION)
@NOTE
@asking_options
@common_options
@click.pass_obj
def create(invocation: Invocation, /, *, schedule: str, update: bool, why: str, **typed: Any) -> int:
    """Create a schedule."""
    spec = _spec(schedule, typed)
    if typed["data"] is not None:
        spec = replace(spec, input=read_typed(typed["data"], of="--input").decode())
    return ask(invocation, "update" if update else "create", schedule, body=SPEC.encode(spec), why=why)


def _spec(schedule: str, typed: dict[str, Any]) -> ScheduleSpec:
    zone = zone_of(typed["zone"])
    options: dict[str, Any] = {
        "excluding": [Cron(each, zone.key) for each in typed["excluding"]],
        "pause_on_failure": typed["pause_on_failure"],
        "tenant": typed["tenant"],
    }
    options |= {name: span(typed[name]) for name in SPANS if typed[name] is not None}
    options |= {name: moment(typed[name], zone) for name in ("start", "end") if typed[name] is not None}
    if typed["limit"] is not None:
        options["limit"] = typed["limit"]
    if typed["overlap"] is not None:
        options["overlap"] = Overlap(typed["overlap"])
    return spec_of(schedule, typed["workflow"], *_timings(typed, zone), **options)


def _timings(typed: dict[str, Any], zone: ZoneInfo) -> list[Timing]:
    offset: timedelta = span(typed["offset"])
    found: list[Timing] = [Cron(each, zone.key) for each in typed["crons"]]
    found += [Every(span(each), offset) for each in typed["intervals"]]
    if typed["moments"]:
        found.append(At(tuple(moment(each, zone) for each in typed["moments"])))
    return found
