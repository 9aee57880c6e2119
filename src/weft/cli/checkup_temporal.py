"""What `weft doctor` looks at where a Temporal server keeps the runs: each check with a remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from weft.cli import visit_texts
from weft.cli.checkup import Check
from weft.engine.errors import AttributesMissing
from weft.errors import WeftError
from weft.host.engines import examine, target_of
from weft.host.settings import Settings

SLACK_MS = 1_000
"""A clock that is this far from the server's is worth a word: times of lists and logs do not fit together."""


def check_server(settings: Settings) -> Iterator[Check]:
    """Look at the connection, the namespace, its search attributes, and the server's clock."""
    target = target_of(settings)
    try:
        found = asyncio.run(examine(settings))
    except WeftError as error:
        yield Check("temporal", "wrong", error.what, error.advice)
        return
    what = visit_texts.CONNECTED.format(address=target.address, version=found.version, namespace=target.namespace)
    yield Check("temporal", "ok", what)
    if found.missing:
        names = ", ".join(found.missing)
        yield Check("attributes", "note", visit_texts.ATTRIBUTES_LACK.format(names=names), AttributesMissing.remedy)
    else:
        yield Check("attributes", "ok", visit_texts.ATTRIBUTES_THERE)
    if found.ahead_ms is None:
        yield Check("server clock", "note", visit_texts.CLOCK_UNTOLD, visit_texts.CLOCK_REMEDY)
    else:
        far = abs(found.ahead_ms) > SLACK_MS
        said = visit_texts.CLOCK_APART.format(ahead=found.ahead_ms)
        yield Check("server clock", "note" if far else "ok", said, visit_texts.CLOCK_REMEDY if far else "")
