"""Which runs a command line means: `--where`, and the options that say the most common things shorter."""

from __future__ import annotations

from collections.abc import Sequence

from weft.model.query.parser import parse
from weft.model.query.tree import And, Compare, Condition, Name, OneOf, Query, Text
from weft.model.run import RunStatus


def word_of(status: RunStatus) -> str:
    """Return the word by which a command line says a status."""
    return status.label.replace(" ", "-")


OPEN = ("open",)
"""All statuses that are not final."""

TROUBLED = ("needs-attention",)
"""Those of which a call waits for an operator."""

STATUSES = ("open", *map(word_of, RunStatus))
"""What `--status` takes; `open` for all that are not final."""


def query_of(where: str, *, workflow: str | None = None, statuses: Sequence[str] = ()) -> Query:
    """Return what `--where` and the other options mean together.

    Raises:
        QueryInvalid: `--where` cannot be read.
    """
    query = parse(where)
    parts: list[Condition] = [] if query.where is None else [query.where]
    if workflow is not None:
        parts.append(Compare(Name("workflow"), "=", Text(workflow)))
    if statuses:
        parts.append(OneOf(Name("status"), tuple(map(Text, dict.fromkeys(statuses)))))
    if not parts:
        return query
    return Query(parts[0] if len(parts) == 1 else And(tuple(parts)), query.order, query.text)
