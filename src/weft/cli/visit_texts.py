"""What the command line says about runs on a Temporal server."""

from __future__ import annotations

SHOW_TARGET_OPTION = "The System whose code tells the timeline; needed for runs on Temporal."

SERVER = "Temporal at {address}"
NOT_TAKEN = "{name}: {kind} was not taken for {wait} s: no worker answers for the run; `weft run TARGET` starts one"
TIMELINE_NEEDS_CODE = (
    "the timeline is told by the run's code: say --target TARGET; "
    "or look with `temporal workflow show --workflow-id {id}`"
)
NO_FILE = "{engine} is a Temporal server, and this command reads the file of an embedded engine"
NO_FILE_REMEDY = (
    "use `temporal workflow`, `temporal schedule` and the server's own backups; "
    "or name a file with --engine sqlite:///FILE"
)
NO_EPOCHS = "a run that was reset on Temporal is another execution of the same id, and has no epochs"
NO_EPOCHS_REMEDY = "leave --epoch out; `temporal workflow list` shows the executions before"
BULK_REFUSED = "{name}: {kind} was refused: {what}"

CONNECTED = "Temporal {version} at {address} answers, with the namespace {namespace}"
ATTRIBUTES_THERE = "the namespace has WeftStatus and WeftTenant"
ATTRIBUTES_LACK = "the namespace lacks {names}; the first worker adds them, where it may"
CLOCK_APART = "the server's clock is {ahead:+,} ms from this one, beyond the time that asking took"
CLOCK_UNTOLD = "the server did not tell its time"
CLOCK_REMEDY = "let both machines follow a time server: timers are the server's, times in logs are this one's"
