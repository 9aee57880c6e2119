"""What `weft worker` says, as whole sentences."""

# ruff: noqa: E501 - a sentence is one line, as translators need it

from __future__ import annotations

WORKER_SHORT = "Work for a System on a Temporal server, until stopped."
WORKER = """Take work of the System that TARGET names from the Temporal server of --engine, WEFT_ENGINE or weft.toml, until stopped.

Any number of workers on any number of machines share the work of one System; one that vanishes is replaced by the others. What the flags say can stand in weft.toml under [worker], and in variables as WEFT_WORKER__OPERATIONS=50; the flags are stronger.

Ctrl-C or SIGTERM drains: no new work is taken, calls under way end, but for no longer than --drain; runs go on with the other workers, or as soon as there is one again. A second signal ends the process at once."""
WORKER_EXAMPLES = """\b
Examples:
  weft worker shop.system:shop --engine temporal://127.0.0.1:7233/default
  weft worker shop.system:shop --operations 50 --workflows 100 --drain 1m
  weft worker shop.system:shop --queue payments
  weft worker shop.system:shop --deployment shop --build-id 2026.11.3 --versioning pinned"""

WORKFLOWS_OPTION = "Runs that are stepped at once, of each task queue. [default: 200]"
OPERATIONS_OPTION = "Attempts of operations at once, of each task queue. [default: 500]"
CACHED_OPTION = "Runs kept in memory between their steps; with 0 each step replays the whole history. [default: 2000]"
DRAIN_OPTION = "How long calls under way may take to end when the worker stops, as in 30s or 2m. [default: 10s]"
QUEUE_OPTION = "A task queue to take work from; may be said more than once. [default: all of the System]"
DEPLOYMENT_OPTION = "The deployment that this build belongs to; with --build-id."
BUILD_ID_OPTION = "Which build of the deployment this is."
VERSIONING_OPTION = "Whether runs end on the build they began on, or go on on the newest. [default: pinned]"
