"""The texts of the command line about the turn of runs, as whole sentences, so that they can be translated together."""

from __future__ import annotations

KEY_OPTION = "Whose turn the runs take: keys take turns where a workflow has a limit."
KEY_FIELD_OPTION = "Field of each input that holds its run's key, as in customer.id."
PRIORITY_OPTION = "From -1000 to 1000; of runs that wait for a place the larger go first. Default: 0."
BEGIN_AFTER_OPTION = "The runs begin so long from now: 90s, 10m, 2h, 1d, 1d12h."
BEGIN_AT_OPTION = "The runs begin at this time, with its time zone: 2026-12-24T18:00+01:00, or with Z for UTC."
KEY_OR_FIELD = "--key is the key of all runs, --key-field a field of each input: say one of them."
AFTER_OR_AT = "--after counts from now, --at is a time: say one of them."
NO_DURATION = "{text!r} is no duration; write 90s, 10m, 2h, 1d, or 1d12h"
NO_MOMENT = "{text!r} is no time with a time zone; write 2026-12-24T18:00+01:00, or 2026-12-24T17:00Z"
