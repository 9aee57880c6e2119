"""Every text of the command line, as whole sentences, so that they can be translated together."""

# ruff: noqa: E501 - a sentence is one line, as translators need it

from __future__ import annotations

# --- help ------------------------------------------------------------------------------------------------------------

COMMANDS = "Commands"

WEFT = """weft (经纬): durable workflows over typed services.

\b
Exit codes: 0 fine, 1 a finding or a failed run, 2 wrong use or input,
3 the environment (store, disk, settings). Stdout is data, stderr is talk."""
WEFT_EXAMPLES = """\b
Examples:
  weft run shop.system:shop place_order --input orders.jsonl
  weft runs list --status needs-attention
  weft runs show place_order o-1
  weft doctor shop.system:shop
  weft explain WEFT-E204"""

RUN_SHORT = "Run a System: start runs from a file, or serve until stopped."
RUN = """Run the System that TARGET names in this process.

TARGET is `package.module:name` or `path/file.py:name`; the name may be left out where there is one System.

With WORKFLOW and --input a run is started for each input, and each is written to stdout as one line of JSON once it has ended, in the order of the inputs; what services print goes to stderr. Started again, it finds the runs that are there and starts none twice. Without WORKFLOW it resumes what is open and serves until it is stopped.

Ctrl-C or SIGTERM drains: calls under way end, everything is on disk, open runs resume at the next start. A second one ends the process at once."""
RUN_EXAMPLES = """\b
Examples:
  weft run shop.system:shop place_order --input order.json --id o-1
  weft run shop/system.py:shop place_order --input orders.jsonl --id-field order.number
  zcat orders.jsonl.gz | weft run shop.system:shop place_order --input -
  weft run shop.system:shop place_order --input orders.jsonl --key-field customer --priority 5
  weft run shop.system:shop place_order --input order.json --at 2026-12-24T18:00+01:00
  weft run shop.system:shop --engine sqlite:///data/shop.db"""

RUNS_SHORT = "See runs and act on them, beside a running engine."
RUNS = """See runs and act on them, from another process, beside a running engine or without one.

The store is the one that --engine, WEFT_ENGINE or weft.toml names. A run is named WORKFLOW ID or WORKFLOW/ID. What is asked of a run is kept in the store and taken by its engine, at once or at its next start, with who asked and why."""
RUNS_EXAMPLES = """\b
Examples:
  weft runs list --workflow place_order --status open
  weft runs show place_order/o-1
  weft runs signal approve_expense e-7 Decision '{"approved": true, "by": "ada"}'
  weft runs cancel place_order o-1 --reason "ordered twice"
  weft runs retry place_order o-1
  weft runs skip place_order o-1 --reason "paid back by hand"
"""

WHERE = """

--where says which, as in `status = 'failed' and created > -2h`: fields workflow, id, status, tenant, created, ended, reason, generation and attributes; =, !=, <, <=, >, >=, in, not in, between, starts_with, is null; and, or, not, parentheses. `weft explain WEFT-E331` shows the whole language."""
LIST_SHORT = "List the newest runs."
LIST = f"""List runs, the newest first. The duration of an open run is its age.{WHERE}"""
LIST_EXAMPLES = """\b
Examples:
  weft runs list
  weft runs list --status needs-attention --status blocked
  weft runs list --workflow place_order --status open --limit 500
  weft runs list --where "status = 'failed' and ended > -2h order by ended desc"
  weft runs list --json | jq -r .id"""

COUNT_SHORT = "Count runs, by status, workflow, tenant or an attribute."
COUNT = f"""Count the runs that --where means, or all.{WHERE}"""
COUNT_EXAMPLES = """\b
Examples:
  weft runs count
  weft runs count --by workflow --where "status = 'open'"
  weft runs count --by region --where "workflow = 'place_order' and created > -1d" --json"""

SHOW_SHORT = "Show one run as a timeline, and what it waits for."
SHOW = """Show one run: where it stands, what it waits for, and each step with its outcome, its attempts, its undo and the line of code that asked for it."""
SHOW_EXAMPLES = """\b
Examples:
  weft runs show place_order o-1
  weft runs show place_order/o-1 --json
  weft runs show place_order/o-1 --epoch 0"""

SIGNAL_SHORT = "Send a signal to a run."
SIGNAL = """Send a run the signal KIND, the name of its class, with the fields in JSON.

A run that receives a signal whose fields are wrong fails. With --target the signal is checked against the code first."""
SIGNAL_EXAMPLES = """\b
Examples:
  weft runs signal approve_expense e-7 Decision '{"approved": true, "by": "ada"}'
  weft runs signal approve_expense/e-7 Reminder
  weft runs signal approve_expense e-7 Decision '{"approved": true, "by": "ada"}' --target expenses.py"""

ASK_SHORT = "Ask a run an update, and show its answer."
ASK = """Ask a run the update KIND, the name of its class, with the fields of --body, and write its answer to stdout as JSON.

The answer comes from the engine that owns the store; without one the update is kept and nobody answers yet. A refusal is no answer: it is told on stderr, and the exit code is 1. With --target the update is checked against the code first."""
ASK_EXAMPLES = """\b
Examples:
  weft runs ask cart ada AddLine --body '{"line": {"sku": "85123A", "quantity": 2}}'
  weft runs ask cart/ada CheckOut --body '{"address": "Elm Street 4"}' --within 5
  weft runs ask cart ada AddLine --body '{"line": {}}' --target shop.system:shop"""
BODY_OPTION = "The fields of the update, as JSON."
WITHIN_OPTION = "Seconds to wait for the answer."
ASK_KIND_MISSING = "Say which update: the name of its class, behind the run."
REFUSED = "{name}: {kind} refused with {refusal}: {fields}"
UNANSWERED = "{name}: {kind} was told and has no answer after {wait} s; the run answers when it comes to it"
NO_ANSWER_ENDED = "run {name} ended without an answer: {status}"
NO_ANSWER_CONTINUED = "run {name} continued as new without an answer"
NOT_TOLD = "run {name} was not told: {why}"

CANCEL_SHORT = "Ask a run to cancel; its sagas are undone."
CANCEL = """Ask a run to cancel: its tasks get CancelledError, its sagas are undone, and only then it ends."""
CANCEL_EXAMPLES = """\b
Examples:
  weft runs cancel place_order o-1
  weft runs cancel place_order/o-1 --reason "ordered twice" """

RETRY_SHORT = "Try the waiting calls of a run now."
RETRY = """Try the waiting calls of a run now instead of after their backoff. A blocked run is replayed again.

A call that cannot be undone and may have happened is left alone. If it did not happen, --resend sends it again, as a decision with its reason; if it did, skip it with --reply."""
RETRY_EXAMPLES = """\b
Examples:
  weft runs retry place_order o-1
  weft runs retry place_order/o-1 --who ada
  weft runs retry place_order o-1 --resend --reason "the carrier has no such parcel" """

SKIP_SHORT = "Give up the calls of a run that need attention."
SKIP = """Give up the calls of a run that need attention, as a decision with its reason. With --reply they end with that reply, else as not known."""
SKIP_EXAMPLES = """\b
Examples:
  weft runs skip place_order o-1 --reason "paid back by hand"
  weft runs skip place_order o-1 --reason "booked by phone" --reply '"TRACK-7"'"""

TERMINATE_SHORT = "End a run at once, without its undos."
TERMINATE = """End a run at once. Nothing is undone: cancel is what you want, unless its undos can never succeed."""
TERMINATE_EXAMPLES = """\b
Examples:
  weft runs terminate place_order o-1 --reason "left over from a test" """

RESET_SHORT = "Cut a run after a step and let it go on from there."
RESET = """Cut the journal of a run after STEP and let the run go on from there with today's code, in a new epoch: calls after the cut are made again under new ids.

STEP is the path of a call or a timer as `runs show` writes it (Payments.charge.1), the number of an entry, or `start`. What came after it is kept as history: `runs show --epoch`. Effects after the cut are undone first, the last one first, unless --keep says that they stay. It works on runs that are open, blocked or have ended; messages after the cut are told again."""
RESET_EXAMPLES = """\b
Examples:
  weft runs reset place_order o-1 --at Inventory.reserve.1 --reason "charged the wrong account"
  weft runs reset place_order/o-1 --at start --keep --reason "the books were mended by hand"
  weft runs show place_order o-1 --epoch 0"""

EXPORT_SHORT = "Write runs with their journals as lines of JSON."
EXPORT = """Write runs to stdout with everything that is on record of them: the run, each entry with what the code answered, states, attempts. One line each; a run ends with a line of kind `end`.

Payloads are written as they are: what your services are sent and reply is in there, secrets included. Look before you pass the file on.

`weft replay TARGET FILE.jsonl` and weft.testing.replay read it."""
EXPORT_EXAMPLES = """\b
Examples:
  weft runs export place_order o-1 > o-1.jsonl
  weft runs export --where "workflow = 'place_order' and status = 'completed'" > tests/histories/orders.jsonl
  weft runs export | jq -c 'select(.kind == "run") | {id, status}'"""

REPLAY_SHORT = "Replay recorded runs against today's code."
REPLAY = """Replay a run of the store, or all runs of a file that `weft runs export` wrote, or histories that `temporal workflow show --output json` wrote, against the code of TARGET. Nothing is called, sent or written.

A divergence is told with the recorded entry, the new command, both lines and the likely cause: exit code 1. Arguments and delays that have changed are told and are none: what is on record wins."""
REPLAY_EXAMPLES = """\b
Examples:
  weft replay shop.system:shop place_order o-1
  weft replay shop.system:shop place_order/o-1 --json
  weft replay shop.system:shop orders.jsonl
  weft replay shop.system:shop o-1.json o-2.json"""

STORE_SHORT = "Back up a store, check it, give its space back."
STORE_GROUP = """Look after the store: the file that --engine, WEFT_ENGINE or weft.toml names.

backup and check work beside a running engine; compact needs the store for itself."""
STORE_EXAMPLES = """\b
Examples:
  weft store backup "/backups/shop-$(date -u +%F).db"
  weft store check shop.system:shop
  weft store compact"""

BACKUP_SHORT = "Copy the store to a new file, beside a running engine."
BACKUP = """Copy the store to DEST, which must not exist. The copy is one moment of the store: the one in which it begins. The engine goes on meanwhile.

What is at DEST afterwards is whole and on the disk; where the copy fails there is nothing. To restore it, stop the engine, put the copy in the place of the store and remove the files beside the store whose names end in -wal and -shm.

The databases of services are files of their own, to be backed up by their own means, and after the store: calls that a restored run makes again are answered from what they keep, while effects that a run relies on must not be missing."""
BACKUP_EXAMPLES = """\b
Examples:
  weft store backup /backups/shop.db
  weft store backup "/backups/shop-$(date -u +%F).db" --json"""

CHECK_SHORT = "Look for what is wrong with a store and its open runs."
CHECK = """Check the store: SQLite's own checks, what must hold between its tables, and the journal of every open run. With TARGET every open run is replayed against that code, without effects: what today's code parts from is told before it is deployed.

Exit code 1 if anything is wrong."""
CHECK_EXAMPLES = """\b
Examples:
  weft store check
  weft store check shop.system:shop
  weft store check shop.system:shop --json | jq -r 'select(.check == "replay") | .run'"""

COMPACT_SHORT = "Give the space of what was deleted back to the disk."
COMPACT = """Write the store anew without the space of what was deleted. It needs the store for itself, and may need twice its size for a while. Should it fail, or the machine die, the store is as it was."""
COMPACT_EXAMPLES = """\b
Examples:
  weft store compact
  weft store compact --engine sqlite:///data/shop.db"""


DOCTOR_SHORT = "Check what a System stands on."
DOCTOR = """Check the interpreter, SQLite, the libraries, the settings, the store, the disk and the clock; with TARGET, build the System and compare it with the store.

Exit code 3 if the environment is wrong, 2 if there is no such TARGET, 1 if only the System is wrong."""
DOCTOR_EXAMPLES = """\b
Examples:
  weft doctor
  weft doctor shop.system:shop --engine sqlite:///data/shop.db
  weft doctor --json | jq '.checks[] | select(.status != "ok")'"""

EXPLAIN_SHORT = "Explain an error by its code."
EXPLAIN = """Print the page about an error: what happened, why weft stops there, what to do. Without CODE, list all."""
EXPLAIN_EXAMPLES = """\b
Examples:
  weft explain WEFT-E204
  weft explain 204
  weft explain"""

JSON_OPTION = "Write JSON for programs to stdout: one object, or one a line."
SETTINGS_OPTION = "Read settings from this file in place of weft.toml."
ENGINE_OPTION = "URL of the engine, for example sqlite:///data/shop.db; stronger than WEFT_ENGINE and weft.toml."
INPUT_OPTION = "JSON of one input; one a line if the name ends in .jsonl; - reads such lines from stdin."
ID_OPTION = "The run's id, for a single input."
ID_FIELD_OPTION = (
    "Field of each input that holds its run's id, as in order.number. Default: id, or else a fingerprint of the input."
)
WORKFLOW_OPTION = "Only runs of this workflow."
STATUS_OPTION = "Only runs that stand so; may be repeated."
WHERE_OPTION = 'Only runs of which this holds, for example "created > -2h".'
AFTER_OPTION = "Go on behind the page that named this cursor, with the same other options."
BY_OPTION = "Count by status, workflow, tenant, or an attribute with one value."
LIMIT_OPTION = "The most runs to list."
TARGET_OPTION = "Check the signal against the code of this System first."
REASON_OPTION = "Why; kept with the run."
RESEND_OPTION = "Send again also what may have happened and cannot be undone; needs --reason."
AT_OPTION = "The step after which the run goes on: a path, the number of an entry, or start."
EFFECTS_OPTION = "Whether the effects after the cut are undone first (the default), or stay."
EPOCH_OPTION = "The run as it stood at the end of this epoch, before the reset that ended it."
EVERY_GENERATION_OPTION = "Replay generations that have ended with continue_as_new, too."
REPLY_OPTION = "What the calls reply in place of their services."
WHO_OPTION = "Who asks; kept with the run. Default: this user at this host."
NO_WAIT_OPTION = "Do not wait until the engine has taken the request."

# --- mistakes --------------------------------------------------------------------------------------------------------

NO_COMMAND = "There is no command {name!r}; there are: {names}."
NO_COMMAND_NEAR = "There is no command {name!r}. Did you mean {names!r}?"
INPUT_MISSING = "Say with --input what the runs of {workflow} start with, for example --input input.json."
WORKFLOW_MISSING = "--input, ids, keys, priorities and times need a WORKFLOW behind TARGET."
ID_OR_FIELD = "--id names one run, --id-field a field of each input: say one of them."
RUN_NO_TEXT = "The name of the run has bytes that are no text in UTF-8; no run is called so."
RUN_UNNAMED = "Name the run as WORKFLOW ID, or as WORKFLOW/ID."
WORDS_TOO_MANY = "There is more than a run's name: {words}"
KIND_MISSING = "Say which signal: the name of its class, behind the run."
REASON_EMPTY = "Say why: --reason is kept with the run."
NO_CODE = "There is no error {code!r}."
NO_CODE_NEAR = "There is no error {code!r}; the nearest code is {near}. `weft explain` lists all."
INTERRUPTED = "interrupted"
BROKEN = "{kind}: {text}\n  at {place}\n  do: report this with what WEFT_DEBUG=1 shows; it is weft's mistake, or the machine's"

ENVIRONMENT = "{text}\n  do: look at the path, its permissions and the disk; WEFT_DEBUG=1 shows where it happened"

DID_YOU_MEAN = "did you mean {name!r}?"

# --- the target ------------------------------------------------------------------------------------------------------

WRITE_TARGET = "write package.module:name, or path/file.py:name"
NO_MODULE_NAMED = "the target names no module"
NO_MODULE = "there is no module {name!r}"
NO_FILE = "there is no file {path}"
IMPORT_FAILED = "importing {target} failed: {kind}: {text}"
IMPORT_REMEDY = "mend the line named above; WEFT_DEBUG=1 shows how it got there"
NO_SYSTEM = "{place} has no System"
NO_SYSTEM_BUT = "{name!r} in {place} is no System but a {kind}"
MANY_SYSTEMS = "{place} has more than one System"
NAME_SYSTEM = "name one of them behind a colon: {names}"
DECLARE_SYSTEM = 'declare one: shop = System("shop", services=[...], workflows=[...])'

# --- inputs ----------------------------------------------------------------------------------------------------------

NO_INPUT_FILE = "the input {path} cannot be read: {reason}"
NAME_INPUT = "name a file that exists, or - for standard input"
NOT_UTF_8 = "the input is not UTF-8 (byte {place})"
SAVE_AS_UTF_8 = "save it as UTF-8"
NOT_JSON = "it is not JSON: {reason} (column {column})"
ONE_VALUE = "; a file with one value a line has a name that ends in .jsonl"
TOO_DEEP = "it is nested too deeply"
HALF_CHARACTER = "it has half a character (a surrogate without its other half)"
NO_CONSTANT = "{constant} is no JSON"
MEND_JSON = "mend the line; nothing was started"
INPUT_TOO_LARGE = "the input has {size:,} bytes; the limit is {limit:,}"
SEND_REFERENCE = "send a reference to the data"
NO_ID_FIELD = "the input has no text or whole number in its field {field!r}"
NAME_OTHER_FIELD = "name another field with --id-field, or mend the input; nothing was started"
ONE_ID_MANY_INPUTS = "--id names one run, and there are {count:,} inputs"
NAME_FIELD = "say with --id-field which field of each input holds its id"
ID_TOO_LONG = "a run's id has 1 to {limit:,} characters, this one has {size:,}"
SHORTER_ID = "use a shorter business key"
ID_TWICE = "the id {id!r} is that of {where}, which has another input"
LINES_INVALID = "{count:,} inputs cannot be used:\n{lines}"
MORE_LINES = "... and {count:,} more"
MEND_INPUT = "mend these lines; nothing was started"
ARGUMENT_NOT_JSON = "what follows {name} cannot be used: {reason}"
QUOTE_JSON = """quote it for the shell, as in '{"approved": true}' or '"a text"'"""

# --- a host at work --------------------------------------------------------------------------------------------------

SERVING = "System {system} is at work on {engine} (process {process}); Ctrl-C stops it"
DRAINING = "draining: calls under way end, open runs resume at the next start; once more to end at once"
STOPPED = "stopped; everything is on disk"
PROGRESS = "{ended:,} of {total:,} runs of {workflow} have ended, {rate:,.0f} a second"
NEEDS_ATTENTION = (
    "run {workflow}/{id} needs attention: {reason}\n  do: `weft runs show {workflow} {id}`; then retry or skip"
)
STARTED = "{workflow}: all started, waiting for their ends"
INTERRUPTED_RUNS = "{workflow}: {ended}; stopped before {count:,} more, which go on at the next start"
ALL_ENDED = "{workflow}: {ended}"
READER_GONE = "stopped: nobody reads the results; the same command again finds the runs"
NO_INPUTS = "no input, nothing to start"

# --- runs ------------------------------------------------------------------------------------------------------------

LIST_COLUMNS = ("workflow", "id", "status", "generation", "created", "duration", "reason")
NO_RUNS = "no runs"
MORE_RUNS = "there are more than these {limit:,} (--limit); the next: --after {cursor}"
COUNT_COLUMN = "runs"
NOTHING_SAID = "(none)"
ATTRIBUTES = "attributes: {attributes}"
NO_RUN = "there is no run {workflow}/{id}"
OPEN_SINCE = "{name}: {status}, open for {took} since {created}"
ENDED_AFTER = "{name}: {status} after {took}, begun {created}"
ATTEMPTS = "{count:,} attempts"
HAS_ENDED = "run {workflow}/{id} has ended: {status}"
ENDED_REMEDY = "nothing can be asked of it any more; start another run under another id"
NOTHING_TO_SKIP = "run {workflow}/{id} is {status}: none of its calls needs attention"
SKIP_REMEDY = "skip and --resend are for runs that `weft runs list --status needs-attention` shows"
TAKEN = "{name}: {kind} taken by {owner}; the run stands as {status}"
ID_OR_WHERE = "Name one run, or ask for many with --where, not both."
EXPORTED = "runs exported: {runs:,}, lines: {lines:,}"
REPLAYED = "runs replayed: {runs:,}, diverged: {diverged:,}"
REPLAY_FINE = "{name}: fine, {entries:,} entries"
REPLAY_PARTED = "{name}: parts from its journal after {entries:,} entries"
DRIFTED = "  entry {entry}: {what} has other {field} now: {was} → {now} (what is on record wins)"
COPIED = "{done:,} of {total:,} pages"
BACKED_UP = "{path}: backed up to {destination}, {size:,} bytes"
CHECKED_SO_FAR = "{done:,} of {total:,} open runs"
CHECKED = "{path}: open runs replayed: {runs:,}, findings: {findings:,}"
CHECKED_WITHOUT_CODE = (
    "{path}: open runs looked at: {runs:,}, findings: {findings:,}; with TARGET they are replayed, too"
)
FOUND = "{check}{run}: {what}"
COMPACTED = "{path}: {before:,} bytes before, {after:,} now"
ENGINE_REFUSED = "{name}: {kind} was refused by {owner}\n  {code}: {what}\n  do: {remedy}"
NO_ENGINE = "{name}: {kind} kept; no engine runs on this store, the next one takes it when it starts"
LEFT = "{name}: {kind} kept for {owner}"
NOT_TAKEN = "{name}: {kind} kept, but {owner} has not taken it for {wait} s; it stays until it is taken"

# --- doctor ----------------------------------------------------------------------------------------------------------

DO = "do: {remedy}"
NONE = "none"
MISSING = "is missing"
PYTHON_REMEDY = "use CPython 3.11 to 3.14"
SQLITE_REMEDY = "use a Python with SQLite {oldest} or later"
INSTALL = "install {names}"
INSTALL_EXTRA = "for services with a database, install weft[{extra}]"
STORE = "{path}: System {system}, format {format}, runs: {counts}; {owner}"
STORE_MISSING = "{path} is not there yet; `weft run` makes it"
OWNED = "owned by {owner}"
OWNED_BY_NONE = "no engine runs"
REQUESTS_WAIT = "; {count:,} requests wait for an engine"
TROUBLED_REMEDY = "look: `weft runs list --status needs-attention --status blocked`"
DISK = "{free:,.1f} GiB free at {folder}"
DISK_REMEDY = "make space: an engine whose disk is full stops"
FOLDER_REMEDY = "give this user write access to the folder, or name another one with --engine"
SYNC = "{took:.1f} ms to keep one page"
SYNC_REMEDY = "every commit waits for that; put the store on a local SSD"
CLOCK = "{now}"
CLOCK_PAST = "the clock says a time before weft was written"
CLOCK_BACK = "the clock is {behind} behind the newest run in the store"
CLOCK_REMEDY = "set the clock: timers wait for it"
SYSTEM = "{system}: services {services}; workflows {workflows}"
STORE_OF_OTHER = "the store belongs to the System {owner!r}, not to {system!r}"
STORE_OF_OTHER_REMEDY = "give each System a store of its own with --engine"
