"""`weft runs show`: one run as a timeline that can be read, and what it waits for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib import import_module

import click

from weft.cli import exits, texts, visit_texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.listing import described
from weft.cli.naming import find_run, run_named
from weft.cli.output import (
    MINUTE_MS,
    SECOND_MS,
    duration,
    in_one_line,
    instant,
    is_terminal,
    moment,
    put,
    put_json,
    say,
    shown,
)
from weft.cli.target import load_system
from weft.cli.visiting import SeenRun, seen, visit, visits
from weft.clock import SystemClock
from weft.engine.embedded.finding import Finder
from weft.engine.embedded.store import RunRow
from weft.engine.embedded.story import story_of, view_of
from weft.engine.errors import EngineCannot
from weft.errors import EntryCorrupt
from weft.host.rehearsal import rehearser_of
from weft.model.attribute import shown_values
from weft.model.run import RunStory, RunView, TimelineRow


@click.command("show", help=texts.SHOW, epilog=texts.SHOW_EXAMPLES)
@click.argument("run", nargs=-1, required=True, metavar="WORKFLOW ID")
@click.option("--epoch", type=click.IntRange(0), metavar="NUMBER", help=texts.EPOCH_OPTION)
@click.option("--target", metavar="TARGET", help=visit_texts.SHOW_TARGET_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, run: tuple[str, ...], epoch: int | None, target: str | None) -> int:
    """Show one run."""
    workflow, run_id, _ = run_named(run)
    if visits(invocation):
        return _show_remote(invocation, workflow, run_id, target=target, epoch=epoch)
    with reading(invocation) as (store, _):
        row = find_run(store, workflow, run_id)
        try:
            story = story_of(store, row, epoch=epoch)
            attributes = shown_values(Finder(store).attributes(row.key))
        except EntryCorrupt:
            say(headline(view_of(row), now_ms=SystemClock().now_ms()))
            raise
    if invocation.json:
        put_json(_described(row, story, attributes))
    else:
        _print(story, attributes, now_ms=SystemClock().now_ms())
    return exits.FINE


def _show_remote(invocation: Invocation, workflow: str, run_id: str, *, target: str | None, epoch: int | None) -> int:
    """Show a run that a server keeps; its code tells the timeline, where it is named."""
    if epoch is not None:
        raise EngineCannot(visit_texts.NO_EPOCHS, remedy=visit_texts.NO_EPOCHS_REMEDY)
    story = _told(invocation, workflow, run_id, target=target)
    row, attributes = seen(story.view), dict(story.view.attributes)
    if invocation.json:
        put_json(_described(row, story, attributes))
    else:
        _print(story, attributes, now_ms=SystemClock().now_ms())
    if target is None:
        say(visit_texts.TIMELINE_NEEDS_CODE.format(id=in_one_line(f"{workflow}/{run_id}")))
    return exits.FINE


def _told(invocation: Invocation, workflow: str, run_id: str, *, target: str | None) -> RunStory:
    if target is None:
        view = visit(invocation, lambda visitor: visitor.view(workflow, run_id))
        return RunStory(view, (), view.reason, None)
    code = rehearser_of(load_system(target))
    return visit(
        invocation,
        lambda visitor: visitor.story(workflow, run_id, programs=code.programs, operations=code.operations),
    )


def _print(story: RunStory, attributes: Mapping[str, object], *, now_ms: int) -> None:
    view = story.view
    put(headline(view, now_ms=now_ms))
    put(shown(story.waiting_for))
    if attributes:
        said = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in attributes.items())
        put(in_one_line(texts.ATTRIBUTES.format(attributes=said)))
    put("")
    lines = [line(row, began_ms=view.created_ms) for row in story.rows]
    if is_terminal():
        import_module("weft.cli.terminal").print_timeline(lines)
        return
    widths = [max(len(each[index]) for each in lines) for index in (0, 1)] if lines else [0, 0]
    for time, kind, text in lines:
        put(f"{time:>{widths[0]}}  {kind:<{widths[1]}}  {text}".rstrip())


def headline(view: RunView, *, now_ms: int) -> str:
    """Return the first line about a run: its name, where it stands, since when, and how long it took."""
    took = duration(max(0, (view.ended_ms or now_ms) - view.created_ms))
    text = texts.OPEN_SINCE if view.ended_ms is None else texts.ENDED_AFTER
    name = in_one_line(f"{view.workflow}/{view.id}")
    return text.format(name=name, status=view.status.label, created=moment(view.created_ms), took=took)


def line(row: TimelineRow, *, began_ms: int) -> tuple[str, str, str]:
    """Return a line of the timeline as time since the start, kind, and all the rest in words."""
    text = row.what
    if row.outcome:
        text += f" → {row.outcome}"
    remarks: list[str] = []
    if row.took_ms is not None:
        remarks.append(duration(row.took_ms))
    if row.attempts > 1:
        remarks.append(texts.ATTEMPTS.format(count=row.attempts))
    if remarks:
        text += f" ({', '.join(remarks)})"
    place = ", ".join(filter(None, (row.path, row.line)))
    if place:
        text += f"  [{place}]"
    return since(row.at_ms - began_ms), row.kind, in_one_line(text)


def since(passed_ms: int) -> str:
    """Return a time since the start of the run: exact where that is short."""
    return f"+{passed_ms / SECOND_MS:.3f} s" if passed_ms < MINUTE_MS else f"+{duration(passed_ms)}"


def _described(row: RunRow | SeenRun, story: RunStory, attributes: dict[str, object]) -> dict[str, object]:
    timeline: list[dict[str, object]] = []
    for each in story.rows:
        entry = dataclasses.asdict(each)
        timeline.append({"at": instant(entry.pop("at_ms")), **entry})
    return {
        **described(row, attributes),
        "waiting_for": story.waiting_for,
        "result": None if story.result is None else json.loads(story.result),
        "timeline": timeline,
    }
