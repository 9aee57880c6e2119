"""Lists and counts of runs on a Temporal server; what has just happened is seen there a moment later."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from weft.clock import Clock
from weft.engine.temporal.connection import asking, unreachable
from weft.engine.temporal.filters import TOLD, filter_of, read_question
from weft.engine.temporal.story import view_of
from weft.errors import CursorInvalid, LimitExceeded, QueryInvalid
from weft.model.query.binding import Every, Field, Holds, Question
from weft.model.query.fields import Sort
from weft.model.query.parser import parse
from weft.model.query.rendering import render
from weft.model.query.tree import Query
from weft.model.run import RunPage, RunStatus, RunView

MOST_COUNTED = 100_000
"""Runs that are looked at one by one for a count by workflow, tenant or an attribute."""

NOT_A_GENERATION = "ExecutionStatus != 'ContinuedAsNew'"
"""Of a run that has continued as new the last generation is the run."""

_SORTS = {
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: Sort.TEXT,
    IndexedValueType.INDEXED_VALUE_TYPE_INT: Sort.WHOLE,
    IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE: Sort.NUMBER,
    IndexedValueType.INDEXED_VALUE_TYPE_BOOL: Sort.TRUTH,
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: Sort.INSTANT,
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: Sort.TEXTS,
}
_GROUPED = frozenset({Sort.TEXT, Sort.WHOLE, Sort.TRUTH})


class TemporalQuestions:
    """Asks a namespace for runs.

    Args:
        client: the connection.
        queue: whose runs; empty for all of the namespace.
        workflows: the System's; none where its code is not at hand.
    """

    def __init__(self, client: Client, queue: str, workflows: Iterable[str], *, clock: Clock) -> None:
        self._client = client
        self._queue = queue
        self._workflows = tuple(workflows)
        self._clock = clock

    async def page(self, where: str, *, limit: int, after: str = "") -> RunPage:
        """Return runs of which a query holds: the open ones first, then the newest.

        Raises:
            QueryInvalid: it cannot be read, or Temporal cannot say it; with the column.
            CursorInvalid: the cursor is not one of this query.
        """
        query = parse(where)
        text = render(query)
        token, now_ms = _read_cursor(after, text) if after else (None, self._clock.now_ms())
        said = self._filter(await self._question(query, now_ms=now_ms))
        found = self._client.list_workflows(said, page_size=limit, next_page_token=token)
        with _refusing():
            await found.fetch_next_page()
            views = [await view_of(each) for each in found.current_page or []]
        following = found.next_page_token
        return RunPage(tuple(views), _cursor(following, now_ms, text) if following else None)

    async def count(self, where: str, *, by: str = "") -> dict[str, int]:
        """Return how many runs a query holds of, by the values of a field.

        Raises:
            QueryInvalid: the query cannot be read, or runs cannot be counted so.
            LimitExceeded: there are too many to look at one by one.
        """
        question = await self._question(parse(where), now_ms=self._clock.now_ms())
        if not by:
            return {"": await self._count(question)}
        if by == "status":
            counted = {status.label: await self._count(_of(question, status)) for status in TOLD}
            return {label: count for label, count in counted.items() if count}
        return dict(await self._tally(question, by))

    async def _question(self, query: Query, *, now_ms: int) -> Question:
        return read_question(query, await self._sorts(), now_ms=now_ms)

    async def _sorts(self) -> dict[str, Sort]:
        with asking():
            found = await self._client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=self._client.namespace)
            )
        return {name: _SORTS[kind] for name, kind in found.custom_attributes.items() if kind in _SORTS}

    def _filter(self, question: Question) -> str:
        mine = f"TaskQueue = '{self._queue}'" if self._queue else ""
        parts = (mine, NOT_A_GENERATION, filter_of(question, workflows=self._workflows))
        return " AND ".join(filter(None, parts))

    async def _count(self, question: Question) -> int:
        with _refusing():
            return (await self._client.count_workflows(self._filter(question))).count

    async def _tally(self, question: Question, by: str) -> Counter[str]:
        sorts = await self._sorts()
        if by not in {"workflow", "tenant"} and sorts.get(by) not in _GROUPED:
            what = f"runs cannot be counted by {by!r}"
            names = ", ".join(["status", "workflow", "tenant", *(each for each in sorts if sorts[each] in _GROUPED)])
            raise QueryInvalid(what, remedy=f"count by one of {names}")
        counts: Counter[str] = Counter()
        with _refusing():
            async for each in self._client.list_workflows(self._filter(question), limit=MOST_COUNTED + 1):
                counts[_label(await view_of(each), by)] += 1
        if counts.total() > MOST_COUNTED:
            what = f"more than {MOST_COUNTED:,} runs would be looked at one by one to count them by {by}"
            raise LimitExceeded(what, remedy="narrow the query, or count by status", name="counted")
        return counts


def _of(question: Question, status: RunStatus) -> Question:
    only = Holds(Field("status", Sort.STATUS), "in", (int(status),))
    return Question(Every((question.where, only)), by_ended=False, descending=True, now_ms=question.now_ms)


def _label(view: RunView, by: str) -> str:
    match by:
        case "workflow":
            return view.workflow
        case "tenant":
            return view.tenant
        case _:
            value = view.attributes.get(by)
            return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _refusing() -> Generator[None]:
    """Turn what the server says about a list into weft's errors.

    Raises:
        QueryInvalid: it takes no such filter.
        EngineUnreachable: it does not answer.
    """
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            what = f"Temporal takes no such list filter: {error.message}"
            raise QueryInvalid(what, remedy="say it in another way; `weft doctor` looks at the attributes") from error
        raise unreachable(error) from error


def _cursor(token: bytes, now_ms: int, query: str) -> str:
    said = [base64.b64encode(token).decode(), now_ms, zlib.crc32(query.encode())]
    return base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(text: str, query: str) -> tuple[bytes, int]:
    try:
        said = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        match said:
            case [str(token), int(now_ms), int(mark)]:
                if mark == zlib.crc32(query.encode()):
                    return base64.b64decode(token, validate=True), now_ms
                what = "the cursor goes on with another query than this one"
                raise CursorInvalid(what, where=text[:80])
            case _:
                pass
    except (binascii.Error, ValueError, RecursionError):
        pass
    what = "the cursor is not one that a list on Temporal has given"
    raise CursorInvalid(what, where=text[:80])
