"""`weft replay`: recorded journals against today's code, without a single effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from weft.cli import exits, texts
from weft.cli.configured import reading
from weft.cli.invocation import Invocation, common_options
from weft.cli.naming import find_run, run_named
from weft.cli.output import in_one_line, put, put_json, say, shown
from weft.cli.program import described
from weft.cli.target import load_system
from weft.engine.embedded.export import read_exported
from weft.engine.embedded.rehearsal import Rehearsal, Rehearser
from weft.engine.execution.execution import Identity
from weft.host.engines import require_temporal
from weft.host.rehearsal import programs_of, rehearser_of
from weft.model.system import System

ENDING = ".jsonl"
HISTORY = ".json"
"""Of a file that Temporal's command line has written: one history."""


@click.command("replay", help=texts.REPLAY, epilog=texts.REPLAY_EXAMPLES)
@click.argument("target", metavar="TARGET")
@click.argument("words", nargs=-1, required=True, metavar="RUN|FILE.jsonl|FILE.json...")
@click.option("--every-generation", is_flag=True, help=texts.EVERY_GENERATION_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, target: str, words: tuple[str, ...], every_generation: bool) -> int:
    """Replay recorded journals."""
    system = load_system(target)
    if all(word.endswith(HISTORY) for word in words):
        found = _histories(system, words)
    else:
        found = _rehearsals(invocation, rehearser_of(system), words, every_generation=every_generation)
    diverged = count = 0
    for done in found:
        count += 1
        diverged += done.error is not None
        tell(done, invocation)
    say(texts.REPLAYED.format(runs=count, diverged=diverged))
    return exits.FINDING if diverged else exits.FINE


def _rehearsals(
    invocation: Invocation, rehearser: Rehearser, words: Sequence[str], *, every_generation: bool
) -> Iterator[Rehearsal]:
    if len(words) == 1 and words[0].endswith(ENDING):
        with Path(words[0]).open("rb") as lines:
            for run in read_exported(lines, where=words[0]):
                yield rehearser.rehearse(run.identity, run.rows, every_generation=every_generation)
        return
    workflow, run_id, _ = run_named(words)
    with reading(invocation) as (store, _):
        row = find_run(store, workflow, run_id)
        rows = store.journal(row.key, generation=0 if every_generation else row.generation)
        identity = Identity(row.workflow, row.run_id, row.chain, row.generation, row.epoch)
        yield rehearser.rehearse(identity, rows, every_generation=every_generation)


def _histories(system: System, files: Sequence[str]) -> Iterator[Rehearsal]:
    """Replay histories that Temporal's command line has exported.

    Raises:
        ExtraMissing: Temporal's library is not installed.
        InputInvalid: A file holds no history.
    """
    require_temporal()
    room: Any = import_module("weft.engine.temporal.rehearsal")  # by name: replays of journals do without the library
    programs = programs_of(system)
    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        one = room.replay_exported(text, where=file, programs=programs, operations=system.operations)
        done = asyncio.run(one)
        yield Rehearsal(done.workflow, done.run_id, entries=done.entries, error=done.error)


def tell(done: Rehearsal, invocation: Invocation) -> None:
    """Write what came of one replay to stdout."""
    if invocation.json:
        put_json(
            {
                "workflow": done.workflow,
                "id": done.run_id,
                "entries": done.entries,
                "error": None if done.error is None else described(done.error),
                "drifted": done.drifted,
                "drifts": [drift._asdict() for drift in done.drifts],
            }
        )
        return
    name = in_one_line(f"{done.workflow}/{done.run_id}")
    text = texts.REPLAY_PARTED if done.error is not None else texts.REPLAY_FINE
    put(text.format(name=name, entries=done.entries))
    for drift in done.drifts:
        line = texts.DRIFTED.format(
            entry=drift.entry, what=drift.what, field=drift.field, was=drift.recorded, now=drift.now
        )
        put(in_one_line(line))
    if done.error is not None:
        put(shown(str(done.error)))
