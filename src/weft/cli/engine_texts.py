"""Every text of `weft engines`, as whole sentences, so that they can be translated together."""

# ruff: noqa: E501 - a sentence is one line, as translators need it

from __future__ import annotations

ENGINES_SHORT = "Show what changes when a System moves to Temporal."
ENGINES = """Show what changes when the System that TARGET names moves from the embedded engine to Temporal.

Limits side by side; what the System uses and how each engine does it; what it would be refused for when it is bound to Temporal, by the very checks that refuse it then; how long a step takes here; and what a run would cost on Temporal Cloud, in billable actions. The last two come from the runs that are recorded in the store of --engine, WEFT_ENGINE or weft.toml: without such runs nothing is said, for it would be a guess.

Exit code 1 if Temporal would refuse the System."""
ENGINES_EXAMPLES = """\b
Examples:
  weft engines shop.system:shop
  weft engines shop.system:shop --engine sqlite:///data/shop.db
  weft engines shop.system:shop --json"""

LIMITS = "Limits"
LIMIT_COLUMNS = ("", "embedded", "temporal")
NO_LIMIT = "-"
LIMITS_NOTE = "A call is one entry in a journal and three events in a history, with up to three more for the step that its reply leads to."

FEATURES = "Used"
MORE_USERS = "{first} and {more} more"
DONE = {
    "calls": ("attempts by this process", "activities under the operations' names, retried by the server"),
    "irreversible": (
        "on disk before it is sent",
        "the same, as an activity; asked about where its outcome is unknown",
    ),
    "sagas": (
        "undone by the run itself",
        "the same, with activities; a timer beside each undo says when to look",
    ),
    "timers": ("rows in the store", "timers of the server"),
    "messages": ("entries of the journal", "signals and updates; each update is on the bill"),
    "state": ("rows in the store", "queries, which a worker has to answer; each is on the bill"),
    "runs": ("children in the same store", "child workflows; requests about runs are activities"),
    "continue-as-new": ("generations of one row", "executions of one workflow id, each with a history of its own"),
    "patches": ("noted in the journal", "markers, as the SDK's own patches"),
    "chance": ("from the run's seed", "from the run's seed, which is another one"),
    "attributes": ("an index of the store", "search attributes of the namespace"),
    "schedules": ("by the engine", "refused"),
    "turns": ("by the engine", "refused"),
}

REFUSED = "Refused by Temporal"
REFUSED_NOTHING = "Nothing of it is refused by Temporal."
REFUSAL = "{code}  {what}"
REMEDY = "do: {remedy}"

LATENCY = "A step"
LATENCY_HERE = "embedded: median {median:g} ms, 95 % within {p95:g} ms, from the command on disk to the reply on disk, services included: OBSERVED({steps:,} steps)"
LATENCY_NONE = "embedded: no recorded steps; run some and look again"
LATENCY_THERE = 'temporal: measured by `make bench ARGS="--only temporal"` on your machine; each step is at least two hops to the server'

COST = "Actions of a run on Temporal Cloud"
COST_LINE = "{workflow}: {actions:.1f} in the mean, {most:,} at most; at most {events:,} events in a history: OBSERVED({runs:,})"
COST_NONE = "{workflow}: no recorded run that has ended, so nothing is said"
COST_NOTE = "Not counted, for no journal shows them: queries (State read from outside, one each), and the marks of runs that need attention. Prices and rules change: docs.temporal.io/cloud/actions."
KINDS = {
    "start": "starts and generations",
    "schedule": "starts by a schedule",
    "child": "children meant to start",
    "call": "calls",
    "retry": "further attempts",
    "heartbeat": "heartbeats",
    "timer": "timers",
    "message": "signals and updates",
    "attribute": "search attributes",
    "patch": "patches",
    "operator": "operators' acts",
    "reset": "resets",
}
