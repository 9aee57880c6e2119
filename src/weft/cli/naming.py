"""How a run is named on the command line: `WORKFLOW ID` or `WORKFLOW/ID`, and found in a store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import click

from weft.cli import texts
from weft.engine.embedded.store import RunRow, Store
from weft.errors import RunNotFound

LOOKED_AT = 1_000
"""Newest runs among which a name that comes near is sought."""


def run_named(words: Sequence[str], *, more: int = 0) -> tuple[str, str, list[str]]:
    """Return workflow, id and the words behind them.

    Args:
        words: as they stand on the command line; a workflow's name has no slash, an id may.
        more: how many words may follow.

    Raises:
        UsageError: there are too few or too many, or bytes that are no text.
    """
    first, *rest = words or ("",)
    workflow, slash, run_id = first.partition("/")
    if not slash and rest:
        run_id, *rest = rest
    if not workflow or not run_id:
        raise click.UsageError(texts.RUN_UNNAMED)
    if any("\ud800" <= sign <= "\udfff" for sign in workflow + run_id):
        raise click.UsageError(texts.RUN_NO_TEXT)
    if len(rest) > more:
        raise click.UsageError(texts.WORDS_TOO_MANY.format(words=" ".join(rest[more:])))
    return workflow, run_id, rest


def find_run(store: Store, workflow: str, run_id: str) -> RunRow:
    """Return a run as it stands on disk.

    Raises:
        RunNotFound: there is none; the remedy names one that comes near.
    """
    row = store.find(workflow, run_id)
    if row is not None:
        return row
    names = [f"{each.workflow}/{each.run_id}" for each in store.list_runs(limit=LOOKED_AT)]
    near = difflib.get_close_matches(f"{workflow}/{run_id}", names, n=1)
    remedy = texts.DID_YOU_MEAN.format(name=near[0]) if near else ""
    what = texts.NO_RUN.format(workflow=workflow, id=run_id)
    raise RunNotFound(what, where=str(store.path), remedy=remedy)
