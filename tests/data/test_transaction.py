"""Transactions: what a block commits, what it rolls back, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.data.bank import Bank, Died, accounts, call, deliver, entries, ignore, operation
from tests.host.bank import RunsNotebook
from weft.codec import RecordCodec
from weft.data import Database
from weft.errors import OutcomeUnknown, TransactionMisused
from weft.flow.ambient import CurrentCall, current_call
from weft.flow.ambient_runs import AmbientRuns
from weft.flow.proxy import make_proxy
from weft.ids import SystemIds
from weft.model.call import Call, Outcome, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation


async def test_block_outside_a_call(bank: Bank) -> None:
    """In a script leaving the block commits, and the barrier hears nothing of it."""
    await bank.move(30, source="ada", target="bob")

    assert (await bank.amount("ada"), await bank.amount("bob")) == (70, 130)
    assert await bank.db.barrier_rows() == []


async def test_block_left_by_an_exception(bank: Bank) -> None:
    """An exception takes back all that the block did."""
    with pytest.raises(IntegrityError):
        await bank.move(500, source="bob", target="ada")

    assert await bank.total() == 200
    assert await bank.moved("bob") == []


async def test_statement_that_fails_inside_the_block(bank: Bank) -> None:
    """A broken constraint takes back its statement only, if the block goes on."""
    async with bank.db.transaction() as tx:
        await tx.execute(entries.insert(), {"owner": "ada", "amount": 1})
        with pytest.raises(IntegrityError):
            await tx.execute(accounts.insert(), {"owner": "ada", "amount": 1})

    assert await bank.moved("ada") == [1]


async def test_results_are_all_there(bank: Bank) -> None:
    """Rows, the first row, one value and the count of rows touched are read from what a statement answered."""
    query = select(accounts.c.owner, accounts.c.amount).order_by(accounts.c.owner)
    async with bank.db.transaction() as tx:
        result = await tx.execute(query)
        first = await tx.first(query)
        touched = await tx.execute(accounts.update().values(amount=7))

        assert [tuple(row) for row in result] == [("ada", 100), ("bob", 100)]
        assert first is not None
        assert (first.owner, first.amount) == ("ada", 100)
        assert await tx.scalar(select(accounts.c.amount).where(accounts.c.owner == "eve")) is None
        assert touched.rowcount == 2


async def test_many_rows_and_none(bank: Bank) -> None:
    """A list of parameters writes a row for each of them, an empty list none."""
    async with bank.db.transaction() as tx:
        await tx.execute(entries.insert(), [{"owner": "ada", "amount": amount} for amount in range(3)])
        await tx.execute(entries.insert(), [])

    assert await bank.moved("ada") == [0, 1, 2]


async def test_long_block_lets_others_run(bank: Bank) -> None:
    """A block of thousands of statements does not stop the other tasks of the process."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    async with bank.db.transaction() as tx:
        for amount in range(2000):
            await tx.execute(entries.insert(), {"owner": "ada", "amount": amount})
        seen = ticks
    ticking.cancel()

    assert seen > 1


async def test_read_operation_writes(bank: Bank) -> None:
    """An operation that is declared to read cannot write."""
    with pytest.raises(TransactionMisused, match=r"bank\.look is declared as read"):
        await deliver(call("c-1", "look"), lambda: bank.charge("ada", 30), kind=EffectKind.READ)

    assert await bank.amount("ada") == 100


async def test_read_beside_a_writer(bank: Bank) -> None:
    """A reader waits for no writer and sees nothing that is not committed."""
    async with bank.db.transaction() as tx:
        await tx.execute(accounts.update().values(amount=0))

        seen = await deliver(call("c-1", "look"), lambda: bank.amount("ada"), kind=EffectKind.READ)

    assert seen == Reply(b"100")
    assert await bank.db.barrier_rows() == []


async def test_reader_sees_one_state(bank: Bank) -> None:
    """A reading block sees the state as of its beginning, whatever is committed meanwhile."""
    query = select(accounts.c.amount).where(accounts.c.owner == "ada")
    async with bank.db.transaction(read_only=True) as tx:
        await bank.move(30, source="ada", target="bob")

        assert await tx.scalar(query) == 100


async def test_more_readers_than_connections(bank: Bank) -> None:
    """Readers beyond the limit wait for one another, and all are answered."""
    assert await asyncio.gather(*(bank.amount("ada") for _ in range(50))) == [100] * 50


async def test_second_transaction_in_one_call(bank: Bank) -> None:
    """A call has one transaction; a second one is refused, and the first is rolled back with it."""

    async def charge_twice() -> int:
        await bank.charge("ada", 10)
        return await bank.charge("ada", 10)

    with pytest.raises(TransactionMisused, match="second transaction"):
        await deliver(call("c-1"), charge_twice)

    assert await bank.amount("ada") == 100


async def test_transaction_inside_another(db: Database, bank: Bank) -> None:
    """A block inside a block of the same task would wait for itself: it is refused."""
    async with db.transaction():
        with pytest.raises(TransactionMisused, match="inside another"):
            await bank.charge("ada", 10)


async def test_statement_after_the_block(bank: Bank) -> None:
    """A statement outside its block is refused."""
    async with bank.db.transaction() as tx:
        pass

    with pytest.raises(TransactionMisused, match="outside the block"):
        await tx.execute(select(accounts))


@pytest.mark.parametrize("statement", ["COMMIT", " rollback", "Savepoint x", "PRAGMA synchronous = OFF", "END"])
async def test_statement_that_reaches_past_its_transaction(bank: Bank, statement: str) -> None:
    """Statements about transactions and the connection are refused: others share both."""
    async with bank.db.transaction() as tx:
        with pytest.raises(TransactionMisused, match="others share"):
            await tx.execute(text(statement))


async def test_commit_that_is_smuggled_in(bank: Bank) -> None:
    """A statement that ended the shared transaction all the same is noticed, and nobody is told that all is well."""
    with pytest.raises(OutcomeUnknown, match="could not say whether it committed"):
        async with bank.db.transaction() as tx:
            await tx.execute(text("/* smuggled */ COMMIT"))

    await bank.move(1, source="ada", target="bob")
    assert await bank.total() == 200


async def test_call_to_another_service_after_the_block(bank: Bank) -> None:
    """A call inside or after the block is refused: the write slot may not wait for others."""
    sent: list[Call] = []

    async def send(a_call: Call) -> Outcome:
        sent.append(a_call)
        return Reply(b"1")

    proxy = make_proxy(Rates, {"rate": rate}, send=send, ids=SystemIds())

    async def charge_then_ask() -> int:
        await bank.charge("ada", 10)
        return await proxy.rate()

    with pytest.raises(TransactionMisused, match=r"bank\.charge calls rates\.rate inside or after"):
        await deliver(call("c-1"), charge_then_ask)

    assert sent == []
    assert await bank.amount("ada") == 100


async def test_runs_asked_for_after_the_block(bank: Bank) -> None:
    """To start, tell or await runs inside or after the block is refused like a call: the engine is another, too."""
    notebook = RunsNotebook()
    runs = AmbientRuns(notebook)
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: runs.start("w", "r", b"null"),
        lambda: runs.send("w", "r", kind="k", data=b"null"),
        lambda: runs.result("w", "r"),
    ]

    async def charge_then(ask: Callable[[], Awaitable[object]]) -> None:
        await bank.charge("ada", 10)
        await ask()

    for number, ask in enumerate(asks):
        with pytest.raises(TransactionMisused, match=r"asks for weft\.runs\.\w+ inside or after its transaction"):
            await deliver(call(f"c-{number}"), partial(charge_then, ask))

    assert notebook.asked == []
    assert await bank.amount("ada") == 100


class Rates:
    """Another service."""

    async def rate(self) -> int:
        """Return a rate."""
        raise NotImplementedError


rate = Operation(
    service="rates",
    name="rate",
    kind=EffectKind.READ,
    parameters=RecordCodec({}),
    result=operation("charge").result,
    refusals={},
    timeout_ms=1000,
)


async def test_method_that_forgot_its_transaction(bank: Bank) -> None:
    """A task that is cancelled between its block and its outcome does not take the turn with it."""
    left = asyncio.Event()

    async def charge_and_wait() -> None:
        current_call.set(CurrentCall(call("c-1"), operation("charge"), ignore))
        await bank.charge("ada", 30)
        left.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(charge_and_wait())
    await left.wait()
    task.cancel()
    await asyncio.wait([task])

    await bank.move(10, source="ada", target="bob")
    assert await bank.amount("ada") == 90


async def test_death_inside_the_block(bank: Bank) -> None:
    """What leaves the block without being an ordinary exception rolls it back as well."""

    async def charge_and_die() -> None:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.update().values(amount=0))
            raise Died

    with pytest.raises(Died):
        await deliver(call("c-1"), charge_and_die)

    await bank.move(10, source="ada", target="bob")
    assert await bank.total() == 200
