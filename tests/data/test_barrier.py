"""The barrier: an operation is applied once, an undo takes back no more than was done, in whatever order they come."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.data.bank import Bank, Died, TooPoor, accounts, call, deliver, undo_of
from weft.clock import to_datetime
from weft.data import Database
from weft.errors import NotDone, TransactionMisused, UndoTooOld
from weft.model.call import Refused, Reply

NOW_MS = 1_700_000_000_000


async def test_operation_delivered_twice(bank: Bank) -> None:
    """A duplicate gets the first reply and does not run the body."""
    first = await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    second = await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    assert first == second == Reply(b"70")
    assert (bank.bodies, await bank.moved("ada")) == (1, [-30])


async def test_two_equal_calls_with_ids_of_their_own(bank: Bank) -> None:
    """Two calls of one operation with the same arguments are two effects."""
    await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    second = await deliver(call("c-2"), lambda: bank.charge("ada", 30))

    assert second == Reply(b"40")


async def test_refusal_delivered_twice(bank: Bank) -> None:
    """A refusal is final: a late duplicate gets it even if the account could pay by now."""
    first = await deliver(call("c-1"), lambda: bank.charge("ada", 500))
    await deliver(call("c-2"), lambda: bank.refund("ada", 900))

    second = await deliver(call("c-1"), lambda: bank.charge("ada", 500))

    assert first == second == Refused("TooPoor", b'{"owner":"ada"}')
    assert await bank.amount("ada") == 1000


async def test_refusal_raised_after_the_block(bank: Bank) -> None:
    """A refusal that is raised when the block has ended takes the effect back as well."""

    async def charge_and_regret() -> int:
        await bank.charge("ada", 30)
        raise TooPoor("ada")

    outcome = await deliver(call("c-1"), charge_and_regret)

    assert isinstance(outcome, Refused)
    assert await bank.moved("ada") == []


async def test_failure_that_the_method_swallows(bank: Bank) -> None:
    """A block that was left by an exception has no effect, though the method replies all the same."""

    async def charge_if_possible() -> int:
        with suppress(KeyError):
            async with bank.db.transaction() as tx:
                await tx.execute(accounts.update().values(amount=0))
                raise KeyError
        return 7

    outcomes = [await deliver(call("c-1"), charge_if_possible) for _ in range(2)]

    assert outcomes == [Reply(b"7"), Reply(b"7")]
    assert await bank.total() == 200


async def test_undo_after_the_operation(bank: Bank) -> None:
    """An undo takes back what was done."""
    await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    outcome = await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    assert outcome == Reply(b"100")
    assert await bank.moved("ada") == [-30, 30]


async def test_undo_delivered_twice(bank: Bank) -> None:
    """A second undo of one effect gets the first one's reply and gives nothing back."""
    await deliver(call("c-1"), lambda: bank.charge("ada", 30))
    first = await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    second = await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    assert first == second
    assert await bank.amount("ada") == 100


async def test_operation_delivered_again_after_its_undo(bank: Bank) -> None:
    """A duplicate of an operation that was applied and undone gets the first reply and does nothing."""
    first = await deliver(call("c-1"), lambda: bank.charge("ada", 30))
    await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    again = await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    assert again == first
    assert await bank.amount("ada") == 100


async def test_undo_without_its_operation(bank: Bank) -> None:
    """An undo whose operation never came is done without running."""
    outcome = await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    assert outcome == Reply(b"null")
    assert (bank.bodies, await bank.amount("ada")) == (0, 100)


async def test_operation_after_its_undo(bank: Bank) -> None:
    """An operation that arrives after its undo is refused for good."""
    await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))

    outcomes = [await deliver(call("c-1"), lambda: bank.charge("ada", 30)) for _ in range(2)]

    assert [isinstance(outcome, NotDone) and outcome.reason for outcome in outcomes] == ["undone", "undone"]
    assert (bank.bodies, await bank.amount("ada")) == (0, 100)


async def test_undo_of_a_refused_operation(bank: Bank) -> None:
    """There is nothing to undo where the operation was refused."""
    await deliver(call("c-1"), lambda: bank.charge("ada", 500))

    outcomes = [await deliver(undo_of("c-1"), lambda: bank.refund("ada", 500)) for _ in range(2)]

    assert outcomes == [Reply(b"null"), Reply(b"null")]
    assert await bank.amount("ada") == 100


async def test_undo_that_is_refused(bank: Bank) -> None:
    """An undo's refusal is not kept: a later attempt may succeed."""
    await deliver(call("c-1"), lambda: bank.refund("ada", 50))
    await deliver(call("c-2"), lambda: bank.charge("ada", 120))
    first = await deliver(undo_of("c-1"), lambda: bank.charge("ada", 50))
    await deliver(call("c-3"), lambda: bank.refund("ada", 100))

    second = await deliver(undo_of("c-1"), lambda: bank.charge("ada", 50))

    assert isinstance(first, Refused)
    assert second == Reply(b"80")


async def test_failure_leaves_no_trace(bank: Bank) -> None:
    """A call that failed before its commit is applied when it comes again."""
    with pytest.raises(Died):
        await deliver(call("c-1"), lambda: bank.charge("ada", 30), dies=True)
    assert await bank.db.barrier_rows() == []

    outcome = await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    assert outcome == Reply(b"70")


async def test_undo_of_an_operation_that_failed(bank: Bank) -> None:
    """What was rolled back never happened, so its undo has nothing to do and closes the door behind it."""
    with pytest.raises(Died):
        await deliver(call("c-1"), lambda: bank.charge("ada", 30), dies=True)

    undone = await deliver(undo_of("c-1"), lambda: bank.refund("ada", 30))
    late = await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    assert undone == Reply(b"null")
    assert isinstance(late, NotDone)
    assert late.reason == "undone"


async def test_id_used_for_another_operation(bank: Bank) -> None:
    """An id that comes again with another operation is a bug, and both are named."""
    await deliver(call("c-1"), lambda: bank.charge("ada", 30))

    with pytest.raises(TransactionMisused, match=r"c-1 belongs to bank\.charge and came again with bank\.refund"):
        await deliver(call("c-1", "refund"), lambda: bank.refund("ada", 30))


async def test_id_used_with_other_arguments(bank: Bank) -> None:
    """An id that comes again with other arguments is a bug."""
    await deliver(call("c-1", arguments=b'{"amount":30}'), lambda: bank.charge("ada", 30))

    with pytest.raises(TransactionMisused, match="other arguments"):
        await deliver(call("c-1", arguments=b'{"amount":31}'), lambda: bank.charge("ada", 31))

    assert await bank.amount("ada") == 70


async def test_rows_that_are_forgotten(bank: Bank) -> None:
    """Forgetting takes the rows of the calls that are named, undos included, and no others."""
    for call_id in ("c-1", "c-2"):
        await deliver(call(call_id, issued_ms=NOW_MS), lambda: bank.charge("ada", 10))
    await deliver(undo_of("c-1", issued_ms=NOW_MS), lambda: bank.refund("ada", 10))

    gone = await bank.db.forget(["c-1", "c-9"], mark=to_datetime(NOW_MS + 1))

    assert gone == 2
    assert [row.effect_id for row in await bank.db.barrier_rows()] == ["c-2"]


@pytest.mark.parametrize("issued_ms", [NOW_MS - 1, 0], ids=["older", "unknown age"])
async def test_undo_older_than_the_purge_mark(bank: Bank, issued_ms: int) -> None:
    """Where rows of its age are purged, an undo without a trace of its operation never counts as done."""
    await bank.db.forget([], mark=to_datetime(NOW_MS))

    for _ in range(2):
        with pytest.raises(UndoTooOld):
            await deliver(undo_of("c-1", issued_ms=issued_ms), lambda: bank.refund("ada", 30))

    assert await bank.db.barrier_rows() == []


async def test_undo_younger_than_the_purge_mark(bank: Bank) -> None:
    """An undo of a call that was issued after the mark is told that its operation never came."""
    await bank.db.forget([], mark=to_datetime(NOW_MS))

    outcome = await deliver(undo_of("c-1", issued_ms=NOW_MS), lambda: bank.refund("ada", 30))

    assert outcome == Reply(b"null")


async def test_mark_that_is_too_low_for_its_rows(bank: Bank) -> None:
    """The mark rises above every row that goes, so that no forgotten effect is taken for one that never was."""
    await deliver(call("c-1", issued_ms=NOW_MS), lambda: bank.charge("ada", 30))

    await bank.db.forget(["c-1"], mark=to_datetime(NOW_MS) - timedelta(days=1))

    with pytest.raises(UndoTooOld):
        await deliver(undo_of("c-1", issued_ms=NOW_MS), lambda: bank.refund("ada", 30))


async def test_mark_never_sinks(db: Database, bank: Bank) -> None:
    """A lower mark than before changes nothing."""
    await db.forget([], mark=to_datetime(NOW_MS))

    await db.forget([], mark=datetime(2001, 1, 1, tzinfo=UTC))

    with pytest.raises(UndoTooOld):
        await deliver(undo_of("c-1", issued_ms=NOW_MS - 1), lambda: bank.refund("ada", 30))


async def test_forgotten_runs(db: Database, bank: Bank) -> None:
    """All rows of a run go, also those of undos and of calls made for it, no other run's, and the mark rises above."""
    for call_id in ("r1/1/0/a", "r1/1/0/a/b", "r10/1/0/a", "r2/1/0/a"):
        await deliver(call(call_id, issued_ms=NOW_MS), lambda: bank.charge("ada", 1))
    await deliver(undo_of("r1/1/0/a", issued_ms=NOW_MS), lambda: bank.refund("ada", 1))

    gone = await db.forget_runs(["r1", "r3"])

    assert gone == 3
    assert [row.effect_id for row in await db.barrier_rows()] == ["r10/1/0/a", "r2/1/0/a"]
    with pytest.raises(UndoTooOld):
        await deliver(undo_of("r1/1/0/a", issued_ms=NOW_MS), lambda: bank.refund("ada", 1))
