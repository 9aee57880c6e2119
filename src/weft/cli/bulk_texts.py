"""The texts of what is asked of all runs that a query means, and of deleting."""

# ruff: noqa: E501 - a sentence is one line, as translators need it

from __future__ import annotations

BULK_WHERE_OPTION = 'In place of one run: all of which this holds, for example "created < -1d".'
YES_OPTION = "Act on all runs that --where means without asking back."
BULK_AFTER_OPTION = "Go on behind this cursor, where the same command was interrupted."
DELETE_SHORT = "Delete a run that has ended, with all that is kept of it."
DELETE = """Delete a run that has ended, its journal and its states; its id can be used again from then on.

With --where all runs that have ended and of which it holds are deleted: they are counted first, and without --yes nothing happens unless somebody at a terminal agrees. What services remember of their calls is forgotten once nothing of them can still arrive."""
DELETE_EXAMPLES = """\b
Examples:
  weft runs delete place_order o-1 --reason "a test"
  weft runs delete --where "workflow = 'place_order' and ended < -90d" --yes"""
NOT_ENDED = "run {workflow}/{id} has not ended: it is {status}"
NOT_ENDED_REMEDY = "cancel or terminate it first, and wait for its end"
WHERE_EMPTY = "Say with --where which runs are meant; all of them are id is not null."
BULK_COUNT = "{kind}: {count:,} runs"
BULK_CONFIRM = "Go on?"
BULK_NOTHING_DONE = "nothing was done; with --yes it is"
BULK_PROGRESS = "{workflow}: {ended:,} of {total:,} runs, {rate:,.0f} a second"
BULK_INTERRUPTED = "interrupted; the same command goes on with --after {cursor}"
BULK_DONE = "{kind}: {said}"
