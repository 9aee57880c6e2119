"""Transactions that run side by side: those that fit into no order are done again, and no caller hears of it."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from tests.data.bank import Bank, accounts, call, deliver
from tests.data.processes import process, teller
from weft.data import Database
from weft.data.postgresql.store import FEWEST_ALONE, MOST_ALONE, Traffic
from weft.model.call import Outcome, Reply


async def both_inside(bank: Bank, first: str, second: str) -> list[Outcome]:
    """Have two calls read everything, wait until both have, and then write one account each."""
    inside = 0
    both = asyncio.Event()

    async def move(owner: str) -> int:
        nonlocal inside
        async with bank.db.transaction() as tx:
            total = sum(row.amount for row in await tx.rows(select(accounts)))
            inside += 1
            if inside >= 2:
                both.set()
            await both.wait()
            await tx.execute(accounts.update().where(accounts.c.owner == owner).values(amount=total))
        return total

    return list(await asyncio.gather(*(deliver(call(owner), lambda o=owner: move(o)) for owner in (first, second))))


async def test_write_skew(bank: Bank) -> None:
    """Two that read what the other writes end as one after the other would: the second has seen the first."""
    outcomes = await both_inside(bank, "ada", "bob")

    assert sorted(reply.data for reply in outcomes if isinstance(reply, Reply)) == [b"200", b"300"]
    assert await bank.total() == 500


async def test_lost_update(bank: Bank) -> None:
    """Two that read and write one row lose neither of their changes."""
    outcomes = await asyncio.gather(*(deliver(call(f"c-{n}"), lambda: bank.refund("ada", 1)) for n in range(40)))

    assert sorted(int(reply.data) for reply in outcomes if isinstance(reply, Reply)) == list(range(101, 141))
    assert await bank.amount("ada") == 140


async def test_one_call_delivered_at_once_on_two_databases(bank: Bank, url: str) -> None:
    """Deliveries of one call by several hosts are one effect, and each gets the first one's reply."""
    async with Database.open(url) as other:
        banks = [bank, Bank(other)]

        outcomes = await asyncio.gather(
            *(deliver(call(f"c-{n // 8}"), lambda n=n: banks[n % 2].refund("ada", 1)) for n in range(80))
        )

    replies = [reply.data for reply in outcomes if isinstance(reply, Reply)]
    assert len(replies) == 80
    assert [len(set(replies[start : start + 8])) for start in range(0, 80, 8)] == [1] * 10
    assert await bank.amount("ada") == 110


async def test_one_call_delivered_at_once_by_two_processes(bank: Bank, url: str) -> None:
    """Two processes that make the same 30 calls at the same time apply each once."""
    with process(*teller(url, "same", 30)) as one, process(*teller(url, "same", 30)) as other:
        told = [await asyncio.to_thread(child.communicate) for child in (one, other)]

    assert [len(answered.split()) for answered, _ in told] == [30, 30]
    assert len(await bank.moved("ada")) == 30


def test_how_long_transactions_take_turns() -> None:
    """After one was overtaken many take turns, and twice as many if it happens again at once, up to a limit."""
    traffic = Traffic()
    lengths: list[int] = []
    for _ in range(8):
        assert not traffic.next_is_alone()
        traffic.overtaken()
        length = 0
        while traffic.next_is_alone():
            length += 1
        lengths.append(length)

    assert lengths[:3] == [FEWEST_ALONE, 2 * FEWEST_ALONE, 4 * FEWEST_ALONE]
    assert lengths[-1] == MOST_ALONE
