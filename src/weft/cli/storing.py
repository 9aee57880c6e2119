"""`weft store`: a backup beside a running engine, a look at everything, and space given back."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli import exits, texts
from weft.cli.configured import reading, settings_of
from weft.cli.invocation import Invocation, common_options
from weft.cli.lazily import LazyGroup
from weft.cli.output import in_one_line, put, put_json, say, shown
from weft.cli.progress import Bar
from weft.cli.target import load_system
from weft.engine.embedded.backup import back_up
from weft.engine.embedded.backup import compact as compacted
from weft.engine.embedded.inspection import Finding, inspect
from weft.host.rehearsal import rehearser_of


@click.group(
    "store",
    cls=LazyGroup,
    commands_at={
        "backup": ("weft.cli.storing:backup", texts.BACKUP_SHORT),
        "check": ("weft.cli.storing:check", texts.CHECK_SHORT),
        "compact": ("weft.cli.storing:compact", texts.COMPACT_SHORT),
    },
    help=texts.STORE_GROUP,
    epilog=texts.STORE_EXAMPLES,
)
@common_options
def command() -> None:
    """Hold the commands about the store together."""


@click.command("backup", help=texts.BACKUP, epilog=texts.BACKUP_EXAMPLES)
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path, dir_okay=False))
@common_options
@click.pass_obj
def backup(invocation: Invocation, /, *, destination: Path) -> int:
    """Copy the store to a new file."""
    path = settings_of(invocation).engine_path
    with Bar(texts.COPIED) as bar:
        size = back_up(path, destination, told=bar.show)
    if invocation.json:
        put_json({"store": str(path), "backup": str(destination), "bytes": size})
    say(shown(texts.BACKED_UP.format(path=path, destination=destination, size=size)))
    return exits.FINE


@click.command("check", help=texts.CHECK, epilog=texts.CHECK_EXAMPLES)
@click.argument("target", metavar="[TARGET]", required=False)
@common_options
@click.pass_obj
def check(invocation: Invocation, /, *, target: str | None) -> int:
    """Look for what is wrong with a store."""
    rehearser = None if target is None else rehearser_of(load_system(target), limits=settings_of(invocation).limits)
    count = 0
    with reading(invocation) as (store, path), Bar(texts.CHECKED_SO_FAR) as bar:
        for finding in inspect(store, rehearser, told=bar.show):
            count += 1
            bar.clear()
            _tell(finding, invocation)
        runs = bar.done
    if invocation.json:
        put_json({"store": str(path), "open_runs": runs, "replayed": rehearser is not None, "findings": count})
    text = texts.CHECKED if rehearser is not None else texts.CHECKED_WITHOUT_CODE
    say(shown(text.format(path=path, runs=runs, findings=count)))
    return exits.FINDING if count else exits.FINE


def _tell(finding: Finding, invocation: Invocation) -> None:
    if invocation.json:
        put_json(finding._asdict())
    else:
        run = in_one_line(finding.run)
        put(shown(texts.FOUND.format(check=finding.check, run=f" {run}" if run else "", what=finding.what)))


@click.command("compact", help=texts.COMPACT, epilog=texts.COMPACT_EXAMPLES)
@common_options
@click.pass_obj
def compact(invocation: Invocation, /) -> int:
    """Give the space of what was deleted back to the disk."""
    path = settings_of(invocation).engine_path
    done = compacted(path)
    if invocation.json:
        put_json({"store": str(path), "bytes_before": done.before, "bytes": done.after})
    say(shown(texts.COMPACTED.format(path=path, before=done.before, after=done.after)))
    return exits.FINE
