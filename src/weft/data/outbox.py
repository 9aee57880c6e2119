"""The outbox: starts and signals that leave with the commit of the transaction that asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from weft.data.port import Ask, Steps
from weft.flow.posting import Request

WAITING = "waiting"
REFUSED = "refused"

CLAIMED_AT_ONCE = 64
"""Rows that one pass of a relay takes; each for another run, and from another transaction."""

outbox_tables = MetaData()

table = Table(
    "weft_outbox",
    outbox_tables,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("batch", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("arguments", LargeBinary, nullable=False),
    Column("posted_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Index("weft_outbox_run", "run", "id"),
    Index("weft_outbox_batch", "batch", "id"),
    sqlite_autoincrement=True,  # an id that is used again would come before rows that are older
)

POST = """
    INSERT INTO weft_outbox (batch, run, destination, message_id, operation, arguments, posted_ms, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting')
"""
COLUMNS = "id, run, message_id, operation, arguments, posted_ms, state, reason"
# The first that waits for its run, and the first of its transaction: behind it the others keep their order.
HEADS = f"""
    SELECT {COLUMNS} FROM weft_outbox WHERE state = 'waiting' AND destination IN (?, '') AND NOT EXISTS (
        SELECT 1 FROM weft_outbox AS earlier WHERE earlier.run = weft_outbox.run
            AND earlier.id < weft_outbox.id AND earlier.state = 'waiting'
    ) AND NOT EXISTS (
        SELECT 1 FROM weft_outbox AS earlier WHERE earlier.batch = weft_outbox.batch
            AND earlier.id < weft_outbox.id AND earlier.state = 'waiting'
    ) ORDER BY id LIMIT {CLAIMED_AT_ONCE}
"""  # noqa: S608 - no input
SKIPPING = f"{HEADS} FOR UPDATE SKIP LOCKED"
GONE = "DELETE FROM weft_outbox WHERE id = ?"
REFUSE = "UPDATE weft_outbox SET state = 'refused', reason = ? WHERE id = ?"
ALL = f"SELECT {COLUMNS} FROM weft_outbox ORDER BY id"  # noqa: S608 - no input


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A request that has not left, or cannot.

    Attributes:
        run: `workflow/id`.
        operation: `start` or `send`.
        state: `waiting`, or `refused` with its reason.
    """

    id: int
    run: str
    message_id: str
    operation: str
    arguments: bytes
    posted_ms: int
    state: str
    reason: str

    @property
    def request(self) -> Request:
        """Return what is asked."""
        return Request(self.operation, self.run, self.arguments)


@dataclass(slots=True)
class Outbox:
    """What the transactions of one database share about it.

    Attributes:
        destination: names the engine for which requests are meant; empty for whichever host comes first.
        committed: is told after each commit with requests in it.
    """

    destination: Callable[[], str] = str
    committed: Callable[[], None] = lambda: None


def post(request: Request, *, batch: str, message_id: str, destination: str, at_ms: int) -> Steps[None]:
    """Write a request down, to leave with the commit."""
    yield Ask(POST, (batch, request.run, destination, message_id, request.operation, request.arguments, at_ms))


def claim(destination: str, *, skipping: bool) -> Steps[list[OutboxRow]]:
    """Return requests that may leave now; where several hosts look, those that no other one has in hand."""
    answer = yield Ask(SKIPPING if skipping else HEADS, (destination,))
    return [OutboxRow(*row) for row in answer.rows]


def settle(gone: Sequence[int], refused: Sequence[tuple[str, int]]) -> Steps[None]:
    """Remove what the engine has on disk, and keep what it refused with the reason."""
    for row_id in gone:
        yield Ask(GONE, (row_id,))
    for reason, row_id in refused:
        yield Ask(REFUSE, (reason, row_id))


def all_rows() -> Steps[list[OutboxRow]]:
    """Return all that has not left, in order."""
    answer = yield Ask(ALL)
    return [OutboxRow(*row) for row in answer.rows]
