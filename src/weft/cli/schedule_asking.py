"""`weft schedules pause|resume|trigger|backfill|delete`: what people ask, taken by the engine that owns the store."""

from __future__ import annotations

import click

from weft.cli import exits
from weft.cli import schedule_texts as texts
from weft.cli.asking import WAIT_S, is_taken, whoami
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, asking_options, common_options
from weft.cli.moments import moment
from weft.cli.output import in_one_line, put_json, say, shown
from weft.cli.schedules_seen import described, find_schedule, seen
from weft.clock import SystemClock
from weft.engine.embedded.owner import owner_of
from weft.engine.embedded.refusals import refusal_of
from weft.engine.embedded.requests import Request, append_request
from weft.engine.embedded.schedules import table
from weft.engine.embedded.schedules.acts import RANGE, REQUEST, Range
from weft.engine.embedded.store import Store
from weft.errors import ScheduleDeclared, ScheduleExists
from weft.model.schedule import Overlap, range_of
from weft.model.timing import zone_of

POLICIES = [each.value for each in Overlap]
SCHEDULE = click.argument("schedule", metavar="ID")
NOTE = click.option("--note", "--reason", "why", default="", metavar="TEXT", help=texts.NOTE_OPTION)
OVERLAP = click.option("--overlap", type=click.Choice(POLICIES), help=texts.OVERLAP_OPTION)


@click.command("pause", help=texts.PAUSE, epilog=texts.PAUSE_EXAMPLES)
@SCHEDULE
@NOTE
@asking_options
@common_options
@click.pass_obj
def pause(invocation: Invocation, /, *, schedule: str, why: str) -> int:
    """Let a schedule start nothing by itself."""
    return ask(invocation, "pause", schedule, why=why)


@click.command("resume", help=texts.RESUME, epilog=texts.RESUME_EXAMPLES)
@SCHEDULE
@NOTE
@asking_options
@common_options
@click.pass_obj
def resume(invocation: Invocation, /, *, schedule: str, why: str) -> int:
    """Let a schedule go on."""
    return ask(invocation, "resume", schedule, why=why)


@click.command("trigger", help=texts.TRIGGER, epilog=texts.TRIGGER_EXAMPLES)
@SCHEDULE
@OVERLAP
@NOTE
@asking_options
@common_options
@click.pass_obj
def trigger(invocation: Invocation, /, *, schedule: str, overlap: str | None, why: str) -> int:
    """Start a run now."""
    return ask(invocation, "trigger", schedule, body=(overlap or "").encode(), why=why)


@click.command("backfill", help=texts.BACKFILL, epilog=texts.BACKFILL_EXAMPLES)
@SCHEDULE
@click.option("--from", "start", required=True, metavar="MOMENT", help=texts.FROM_OPTION)
@click.option("--until", "end", required=True, metavar="MOMENT", help=texts.UNTIL_OPTION)
@OVERLAP
@NOTE
@asking_options
@common_options
@click.pass_obj
def backfill(invocation: Invocation, /, *, schedule: str, start: str, end: str, overlap: str | None, why: str) -> int:
    """Start the runs of a range."""
    with reading(invocation) as (store, path):
        zone = zone_of(find_schedule(store, schedule, path).spec.times.zone)
    asked = Range(*range_of(moment(start, zone), moment(end, zone)), None if overlap is None else Overlap(overlap))
    return ask(invocation, "backfill", schedule, body=RANGE.encode(asked), why=why)


@click.command("delete", help=texts.DELETE, epilog=texts.DELETE_EXAMPLES)
@SCHEDULE
@NOTE
@asking_options
@common_options
@click.pass_obj
def delete(invocation: Invocation, /, *, schedule: str, why: str) -> int:
    """Forget a schedule."""
    return ask(invocation, "delete", schedule, why=why)


def ask(invocation: Invocation, what: str, schedule: str, *, body: bytes = b"", why: str = "") -> int:
    """Leave a request in the store and wait until the engine that owns it has taken it.

    Raises:
        ScheduleNotFound: There is no such schedule.
        ScheduleExists: One is to be created that is there.
        ScheduleDeclared: One is to be changed or deleted that the code declares.
    """
    who = invocation.who or whoami()
    request = Request("", schedule, f"{REQUEST}{what}", body, who=who, why=why, at_ms=SystemClock().now_ms())
    with reading(invocation) as (store, path):
        if what != "create":
            kept = find_schedule(store, schedule, path)
            if kept.state.declared and what in {"update", "delete"}:
                raise ScheduleDeclared(f"{schedule}: {texts.DECLARED}", where=str(path))
        elif table.find(store, schedule) is not None:
            raise ScheduleExists(texts.EXISTS.format(id=schedule), where=str(path), remedy=texts.EXISTS_REMEDY)
        number = append_request(path, request)
        owner = owner_of(path)
        taken = owner is not None and not invocation.no_wait and is_taken(store, number)
        refusal = refusal_of(store, number) if taken else None
        done = taken and refusal is None and _is_done(store, what, request)
        kept = table.find(store, schedule)
        view = None if kept is None else seen(store, kept)
    if invocation.json:
        put_json(
            {
                "id": schedule,
                "request": what,
                "who": who,
                "taken": taken,
                "done": done,
                "engine": None if owner is None else {"process": owner.pid, "host": owner.host},
                "schedule": None if view is None else described(view),
                "refusal": None if refusal is None else refusal._asdict(),
            }
        )
    if refusal is not None:
        code, reason, remedy = refusal
        name = in_one_line(schedule)
        say(
            shown(
                texts.REFUSED_BECAUSE.format(id=name, what=what, owner=owner, code=code, reason=reason, remedy=remedy)
            )
        )
        return exits.FINDING
    if taken:
        text = texts.TAKEN if done else texts.REFUSED
    elif owner is None:
        text = texts.KEPT
    else:
        text = texts.LEFT if invocation.no_wait else texts.NOT_TAKEN.replace("{wait}", f"{WAIT_S:g}")
    say(in_one_line(text.format(id=schedule, what=what, owner=owner)))
    return exits.FINE if done or owner is None or invocation.no_wait else exits.FINDING


def _is_done(store: Store, what: str, request: Request) -> bool:
    """Tell whether the engine did what was asked: a schedule remembers the deed with its time."""
    kept = table.find(store, request.run_id)
    if kept is None:
        return what == "delete"
    return any((each.at_ms, each.what, each.who) == (request.at_ms, what, request.who) for each in kept.state.deeds)
