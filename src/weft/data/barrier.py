"""The barrier: what a database remembers of each call, so that it is applied once and undone once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, MetaData, Table, Text

from weft.data.port import Answer, Ask, Steps
from weft.errors import TransactionMisused, Undone, UndoTooOld
from weft.ids import digest
from weft.model.call import Call, Outcome, Refused, Reply

OPERATION = "operation"
UNDO = "undo"

BEGUN = "begun"
APPLIED = "applied"
REFUSED = "refused"
UNDONE = "undone"  # the undo came first: this operation will never be applied

NOTHING = Reply(b"null")
"""The answer of an undo that had nothing to take back."""

barrier_tables = MetaData()

table = Table(
    "weft_barrier",
    barrier_tables,
    # In the order of its characters everywhere: what begins with a run's chain is one range.
    Column("effect_id", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=""),
    Column("data", LargeBinary, nullable=False, server_default=""),
    Column("issued_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,  # one tree instead of two, and a run's rows side by side
)

purge_table = Table(
    "weft_barrier_purge",
    barrier_tables,
    Column("id", Integer, primary_key=True),
    Column("mark_ms", BigInteger, nullable=False),
    CheckConstraint("id = 1"),
)

CLAIM = """
    INSERT INTO weft_barrier (effect_id, role, target, fingerprint, state, issued_ms, settled_ms)
    VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (effect_id, role) DO NOTHING
"""
LOOK_UP = """
    SELECT effect_id, role, target, fingerprint, state, kind, data FROM weft_barrier WHERE effect_id = ? AND role = ?
"""
ROWS = "SELECT effect_id, role, target, fingerprint, state, kind, data FROM weft_barrier ORDER BY effect_id, role"
PURGED = "SELECT mark_ms FROM weft_barrier_purge"
SETTLE = "UPDATE weft_barrier SET state = ?, kind = ?, data = ?, settled_ms = ? WHERE effect_id = ? AND role = ?"
FORGET = "DELETE FROM weft_barrier WHERE effect_id = ?"
NEWEST = "SELECT max(issued_ms) FROM weft_barrier WHERE effect_id = ?"
# Ids of calls begin with the chain of the run that makes them, also of those that operations make for it.
FORGET_RUN = """
    DELETE FROM weft_barrier WHERE (effect_id, role) IN (
        SELECT effect_id, role FROM weft_barrier WHERE effect_id >= ? AND effect_id < ? LIMIT ?
    ) RETURNING issued_ms
"""
MARK = """
    INSERT INTO weft_barrier_purge (id, mark_ms) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET mark_ms = excluded.mark_ms WHERE excluded.mark_ms > weft_barrier_purge.mark_ms
"""


@dataclass(frozen=True, slots=True)
class BarrierRow:
    """What is remembered of an operation or of an undo; `data` holds the reply or the refusal."""

    effect_id: str
    role: str
    target: str
    fingerprint: bytes
    state: str
    kind: str
    data: bytes

    @property
    def outcome(self) -> Outcome:
        """Return what a duplicate is answered."""
        if self.state == APPLIED:
            return Reply(self.data)
        if self.state == REFUSED:
            return Refused(self.kind, self.data)
        assert self.state == UNDONE, f"the row of {self.effect_id} was committed before it was settled"
        return Undone(f"{self.effect_id} arrived after its undo and will never be applied", reason="undone")


def role_of(call: Call) -> str:
    """Return what a call is to its effect."""
    return OPERATION if call.undoes is None else UNDO


def admit(call: Call) -> Steps[Outcome | None]:
    """Claim the call; return nothing if it is to be carried out, else the outcome that it has.

    Inserting before looking is what keeps two deliveries apart where transactions run side by side: the second waits
    for the end of the first. In SQLite the write slot does so already.

    Raises:
        TransactionMisused: Another call used this id before.
        UndoTooOld: The operation may have been forgotten.
    """
    if call.undoes is None:
        return (yield from _admit_operation(call))
    return (yield from _admit_undo(call))


def _admit_operation(call: Call) -> Steps[Outcome | None]:
    if (yield from _claim(call, OPERATION)):
        return None
    row = yield from _row(call, OPERATION)
    if row.state != UNDONE:
        _refuse_another(row, call)
    return row.outcome


def _admit_undo(call: Call) -> Steps[Outcome | None]:
    if (yield from _claim(call, OPERATION, state=UNDONE)):
        # The operation never came; from now on its place is taken.
        yield from _refuse_forgotten(call)
        yield from _claim(call, UNDO)
        yield from settle(call, NOTHING, at_ms=0)
        return NOTHING
    if not (yield from _claim(call, UNDO)):
        row = yield from _row(call, UNDO)
        _refuse_another(row, call)
        return row.outcome
    operation = yield from _row(call, OPERATION)
    if operation.state == REFUSED:
        yield from settle(call, NOTHING, at_ms=0)
        return NOTHING
    return None


def _claim(call: Call, role: str, *, state: str = BEGUN) -> Steps[bool]:
    stands_in = state == UNDONE  # for an operation of which only the id is known
    target = "" if stands_in else call.target
    fingerprint = b"" if stands_in else digest(call.arguments)
    answer = yield Ask(CLAIM, (call.effect_id, role, target, fingerprint, state, call.issued_ms))
    return answer.touched == 1


def _row(call: Call, role: str) -> Steps[BarrierRow]:
    answer = yield Ask(LOOK_UP, (call.effect_id, role))
    return BarrierRow(*answer.rows[0])


def _refuse_forgotten(call: Call) -> Steps[None]:
    answer = yield Ask(PURGED)
    # A call of unknown age (0) counts as old: the barrier may say "never happened" only where it knows.
    if answer.rows and call.issued_ms < answer.rows[0][0]:
        mark_ms = answer.rows[0][0]
        what = f"{call.target} undoes {call.undoes}, of which nothing is known here, and rows of its age are purged"
        raise UndoTooOld(what, effect_id=call.effect_id, issued_ms=call.issued_ms, mark_ms=mark_ms)


def settle(call: Call, outcome: Reply | Refused, *, at_ms: int) -> Steps[None]:
    """Store the outcome beside the effect."""
    state, kind = (APPLIED, "") if isinstance(outcome, Reply) else (REFUSED, outcome.kind)
    yield Ask(SETTLE, (state, kind, outcome.data, at_ms, call.effect_id, role_of(call)))


def forget(effect_ids: Iterable[str], *, mark_ms: int) -> Steps[int]:
    """Delete rows and raise the purge mark above each of them; return how many rows went."""
    count = 0
    for effect_id in effect_ids:
        newest: Answer = yield Ask(NEWEST, (effect_id,))
        if newest.rows[0][0] is not None:
            mark_ms = max(mark_ms, newest.rows[0][0] + 1)
            gone = yield Ask(FORGET, (effect_id,))
            count += gone.touched
    yield Ask(MARK, (mark_ms,))
    return count


def forget_runs(chains: list[str], *, most: int) -> Steps[tuple[int, list[str]]]:
    """Delete rows of the calls of runs, at most so many, and raise the purge mark above each of them.

    Returns:
        How many rows went, and the runs of which some may be left.
    """
    count, mark_ms, left = 0, 0, list(chains)
    while left and count < most:
        room = most - count
        gone = yield Ask(FORGET_RUN, (f"{left[0]}/", f"{left[0]}0", room))
        count += len(gone.rows)
        mark_ms = max([mark_ms, *(row[0] + 1 for row in gone.rows)])
        if len(gone.rows) < room:
            left.pop(0)
    if mark_ms:
        yield Ask(MARK, (mark_ms,))
    return count, left


def all_rows() -> Steps[list[BarrierRow]]:
    """Return all rows in order of their key."""
    answer = yield Ask(ROWS)
    return [BarrierRow(*row) for row in answer.rows]


def _refuse_another(row: BarrierRow, call: Call) -> None:
    if row.target != call.target:
        what = f"the id {call.effect_id} belongs to {row.target} and came again with {call.target}"
    elif row.fingerprint != digest(call.arguments):
        what = f"the id {call.effect_id} came again with {call.target} and other arguments than the first time"
    else:
        return
    raise TransactionMisused(what, remedy="never use a call id for two calls; recorded arguments are sent as they are")
