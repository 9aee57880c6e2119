"""What the command line says about services' databases."""

from __future__ import annotations

NAME = "database of {service}"
AWAY_REMEDY = "check that it runs, and the URL: host, port, user, password, database"
FILE_REMEDY = "restore it from a backup, or name another file"
WAITING = "; {count:,} requests of its outbox have not left yet"
REFUSED = "; {count:,} requests of its outbox were refused, first: {first}"
REQUEST = "{operation} of {run}, {reason}"
REFUSED_REMEDY = (
    "the engine will never take them: make up for what they were to do, then delete the rows of weft_outbox whose "
    "state is 'refused'"
)
MISSING = "missing: {names}"
