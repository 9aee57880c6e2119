"""Tasks that outlive the operation that began them: they commit nothing, and take no turn with them."""

from __future__ import annotations

import asyncio

import pytest

from tests.data.bank import Bank, accounts, call, deliver
from weft.errors import NotDone, TransactionMisused


async def test_transaction_that_begins_after_its_operation(bank: Bank) -> None:
    """A transaction for a call that has ended is refused, and the next one gets its turn."""
    tasks: list[asyncio.Task[int]] = []

    async def charge_later() -> None:
        tasks.append(asyncio.create_task(bank.charge("ada", 30)))

    await deliver(call("c-1"), charge_later)

    with pytest.raises(TransactionMisused, match=r"bank\.charge that has ended"):
        await tasks[0]
    await bank.move(10, source="ada", target="bob")
    assert await bank.amount("ada") == 90


async def test_transaction_that_gets_its_turn_after_its_operation(bank: Bank) -> None:
    """One that waited for the turn while its operation ended gives the turn back."""
    tasks: list[asyncio.Task[int]] = []

    async def charge_later() -> None:
        tasks.append(asyncio.create_task(bank.charge("ada", 30)))
        await asyncio.sleep(0)

    async with bank.db.transaction():
        outcome = await deliver(call("c-1"), charge_later)

    assert isinstance(outcome, NotDone)
    with pytest.raises(TransactionMisused, match=r"bank\.charge that has ended"):
        await tasks[0]
    await bank.move(10, source="ada", target="bob")
    assert await bank.amount("ada") == 90


async def test_operation_that_ends_inside_the_block_of_its_task(bank: Bank) -> None:
    """A block that is still open when its operation ends is rolled back, and its statements are refused."""
    entered, ended = asyncio.Event(), asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def linger() -> None:
        async with bank.db.transaction() as tx:
            entered.set()
            await ended.wait()
            await tx.execute(accounts.update().values(amount=0))

    async def begin() -> None:
        tasks.append(asyncio.create_task(linger()))
        await entered.wait()

    with pytest.raises(TransactionMisused, match="inside its transaction"):
        await deliver(call("c-1"), begin)
    ended.set()

    with pytest.raises(TransactionMisused, match="outside the block"):
        await tasks[0]
    await bank.move(10, source="ada", target="bob")
