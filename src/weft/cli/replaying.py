"""`weft replay`: recorded journals against today's code, without a single effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

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
from weft.host.rehearsal import rehearser_of

ENDING = ".jsonl"


@click.command("replay", help=texts.REPLAY, epilog=texts.REPLAY_EXAMPLES)
@click.argument("target", metavar="TARGET")
@click.argument("words", nargs=-1, required=True, metavar="RUN|FILE.jsonl")
@click.option("--every-generation", is_flag=True, help=texts.EVERY_GENERATION_OPTION)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, target: str, words: tuple[str, ...], every_generation: bool) -> int:
    """Replay recorded journals."""
    rehearser = rehearser_of(load_system(target))
    diverged = count = 0
    for done in _rehearsals(invocation, rehearser, words, every_generation=every_generation):
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
