"""What is asked of all runs on a Temporal server that a query means: page by page, each run by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from weft.cli import bulk_texts, exits, texts, visit_texts
from weft.cli.invocation import Invocation
from weft.cli.output import in_one_line, put_json, say, shown
from weft.cli.visiting import SeenRun, carry_out, seen, visit
from weft.engine.embedded.requests import Request
from weft.errors import WeftError
from weft.host.engines import Visitor

AT_ONCE = 200
"""Runs of one page."""

Asking = Callable[[SeenRun], Request]


def ask_all(invocation: Invocation, where: str, of: Asking) -> int:
    """Ask something of every run of which a query holds; a run that refuses keeps nobody else from it."""
    counts = visit(invocation, lambda visitor: _ask_pages(visitor, invocation, where, of=of))
    said = ", ".join(f"{count:,} {word}" for (_, word), count in sorted(counts.items()))
    kind = next((kind for kind, _ in counts), "")
    say(bulk_texts.BULK_DONE.format(kind=kind, said=said or texts.NONE))
    return exits.FINDING if any(word != "taken" for _, word in counts) else exits.FINE


async def _ask_pages(visitor: Visitor, invocation: Invocation, where: str, *, of: Asking) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    cursor = invocation.after
    while True:
        page = await visitor.questions.page(where, limit=AT_ONCE, after=cursor)
        for view in page:
            asked = of(seen(view))
            counts[asked.kind, await _ask(visitor, invocation, asked)] += 1
        if page.cursor is None:
            return counts
        cursor = page.cursor


async def _ask(visitor: Visitor, invocation: Invocation, asked: Request) -> str:
    try:
        word = "taken" if await carry_out(visitor, asked) else "not taken"
    except WeftError as error:
        name = in_one_line(f"{asked.workflow}/{asked.run_id}")
        say(shown(visit_texts.BULK_REFUSED.format(name=name, kind=asked.kind, what=error.what)))
        word = "refused"
    if invocation.json:
        name = {"workflow": asked.workflow, "id": asked.run_id}
        put_json({**name, "request": asked.kind, "who": asked.who, "taken": word == "taken"})
    return word
