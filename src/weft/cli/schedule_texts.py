"""The texts of `weft schedules`, as whole sentences."""

# ruff: noqa: E501 - a sentence is one line, as translators need it

from __future__ import annotations

SCHEDULES_SHORT = "See schedules and act on them, beside a running engine."
SCHEDULES = """See schedules, create them and act on them, from another process, beside a running engine or without one.

What is asked is kept in the store and taken by its engine, at once or at its next start, with who asked and why. Times are shown on the clocks of the schedule's zone, with their offset."""
SCHEDULES_EXAMPLES = """\b
Examples:
  weft schedules list
  weft schedules show nightly
  weft schedules create nightly report --cron "0 2 * * *" --zone Europe/Berlin --input '{"books": "main"}'
  weft schedules pause nightly --note "the books are closed"
  weft schedules trigger nightly --who ada
  weft schedules backfill nightly --from 2026-03-01 --until 2026-03-07"""

LIST_SHORT = "List schedules, with their next times."
LIST = (
    """List schedules in order of their ids: what they start, when next, how the last run stands, what was left out."""
)
LIST_EXAMPLES = """\b
Examples:
  weft schedules list
  weft schedules list --json | jq -r 'select(.paused) | .id'"""

SHOW_SHORT = "Show one schedule: next times, last runs, what was left out, what people did."
SHOW = """Show one schedule: what it says, its next times, its last runs, how many times were skipped because a run went on, or missed because no engine ran, and what people did to it."""
SHOW_EXAMPLES = """\b
Examples:
  weft schedules show nightly
  weft schedules show nightly --json"""

CREATE_SHORT = "Create a schedule, or change one."
CREATE = """Create the schedule ID, which starts runs of WORKFLOW at its times; those of any --cron, --every and --at count.

Without --input the workflow takes an Occurrence and is told the time. A moment without an offset is one on the clocks of --zone. Durations are written as 90s, 15m, 1h30m, 7d."""
CREATE_EXAMPLES = """\b
Examples:
  weft schedules create nightly report --cron "30 2 * * MON-FRI" --zone Europe/Berlin
  weft schedules create poll fetch --every 15m --offset 5m --input '"prices"' --overlap buffer-one
  weft schedules create launch announce --at 2026-12-24T18:00 --zone Europe/Berlin
  weft schedules create poll fetch --every 5m --input '"prices"' --update --reason "too slow" """

PAUSE_SHORT = "Let a schedule start nothing by itself."
PAUSE = """Let a schedule start nothing by itself until it is resumed. Triggers and backfills are still started."""
PAUSE_EXAMPLES = """\b
Examples:
  weft schedules pause nightly --note "the books are closed" """

RESUME_SHORT = "Let a paused schedule go on."
RESUME = (
    """Let a paused schedule go on from now. What it would have started meanwhile is left out; backfill starts that."""
)
RESUME_EXAMPLES = """\b
Examples:
  weft schedules resume nightly --note "the books are open again" """

TRIGGER_SHORT = "Start a run of a schedule now."
TRIGGER = """Start a run of a schedule now, paused or not, under an id of its own; its times stay as they are."""
TRIGGER_EXAMPLES = """\b
Examples:
  weft schedules trigger nightly
  weft schedules trigger nightly --overlap allow-all --reason "the last one was empty" """

BACKFILL_SHORT = "Start the runs of a range of times that has passed."
BACKFILL = """Start the runs of the times from one moment to another, both in the range, that have no run yet. A moment without an offset is one on the clocks of the schedule's zone."""
BACKFILL_EXAMPLES = """\b
Examples:
  weft schedules backfill nightly --from 2026-03-01 --until 2026-03-07T23:59 --overlap buffer-all
  weft schedules backfill nightly --from 2026-03-01T02:00+01:00 --until 2026-03-01T02:00+01:00"""

DELETE_SHORT = "Forget a schedule; its runs go on."
DELETE = """Forget a schedule. Its runs go on. One that the System's code declares is taken out there instead."""
DELETE_EXAMPLES = """\b
Examples:
  weft schedules delete nightly --reason "the report is gone" """

CRON_OPTION = "Five fields: minute hour day-of-month month day-of-week; six with seconds first. May be repeated."
ZONE_OPTION = "Whose clocks --cron and moments without an offset mean, as Europe/Berlin."
EVERY_OPTION = "An interval, counted from 1970-01-01 UTC. May be repeated."
OFFSET_OPTION = "How much later than --every."
AT_OPTION = "A moment. May be repeated."
EXCLUDING_OPTION = "A cron expression whose times are left out. May be repeated."
INPUT_OPTION = "JSON of the input of each run."
OVERLAP_OPTION = "What happens when a run still goes on."
CATCHUP_OPTION = "How late a run may be started after downtime."
JITTER_OPTION = "Up to how much later each run is started."
START_OPTION = "Nothing before this moment."
END_OPTION = "Nothing after this moment."
RUNS_OPTION = "How many runs it may start by itself."
WITHIN_OPTION = "How long each run may take."
FAILURE_OPTION = "Pause it when a run fails."
TENANT_OPTION = "For whom its runs work."
UPDATE_OPTION = "Change the schedule that there is."
NOTE_OPTION = "Why; kept with the schedule."
FROM_OPTION = "The first moment of the range."
UNTIL_OPTION = "The last moment of the range."
AFTER_OPTION = "Only those behind this id: the last one of the page before."
LIMIT_OPTION = "The most schedules to list."

COLUMNS = ("id", "workflow", "times", "next", "last", "started", "skipped", "missed", "state")
NO_SCHEDULES = "no schedules"
MORE_SCHEDULES = "there are more: go on with --after {id}"
NO_SCHEDULE = "there is no schedule {id!r}"
EXISTS = "schedule {id!r} is there already"
EXISTS_REMEDY = "say --update to change it, or choose another id"
NOT_A_SPAN = "{text!r} is no duration"
SPAN_REMEDY = "write it as 90s, 15m, 1h30m or 7d"
NOT_A_MOMENT = "{text!r} is no moment"
MOMENT_REMEDY = "write it as 2026-03-01, 2026-03-01T02:00 or 2026-03-01T02:00+01:00"
DECLARED = "declared in code"
PAUSED = "paused"
OVER = "no more times"
GOING_ON = "on"
TAKEN = "{id}: {what} taken by {owner}"
REFUSED = "{id}: {what} refused by {owner}; its log says why"
REFUSED_BECAUSE = "{id}: {what} was refused by {owner}\n  {code}: {reason}\n  do: {remedy}"
KEPT = "{id}: {what} kept; no engine runs on this store, the next one takes it when it starts"
LEFT = "{id}: {what} left for {owner}"
NOT_TAKEN = "{id}: {what} is kept, but {owner} has not taken it within {wait} s"

HEAD = "{id}: {workflow}, {times}; {state}"
NEXT = "next"
RECENT = "run"
WAITS = "waiting"
FILLS = "filling"
DEED = "deed"
COUNTS = "{started:,} started, {skipped:,} skipped because a run went on, {missed:,} missed while no engine ran, {repeated:,} there already, {dropped:,} dropped"
RULES = "overlap {overlap}; caught up within {window}"
BY = "{what} by {who}"
BY_BECAUSE = "{what} by {who}: {why}"
STARTED_LATE = "started {late} late"
BY_HAND = "by hand"
