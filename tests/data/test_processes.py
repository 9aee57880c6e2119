"""Several processes on one database: one dies in the middle, others write meanwhile; real processes, real kills."""

from __future__ import annotations

import asyncio
import signal

from tests.data.bank import Bank, bank_tables, call, deliver
from tests.data.processes import process, teller
from weft.data import Database
from weft.model.call import Reply


async def test_killed_in_the_middle(url: str) -> None:
    """After kill -9 every answered transfer is in the file, with both entries and its row, and no other half of one."""
    async with Database.open(url, tables=bank_tables) as db:
        await Bank(db).open_account("ada", 0)
        await Bank(db).open_account("bob", 0)
    answered: set[str] = set()
    for life in range(2):
        with process(*teller(url, f"life{life}", 0)) as child:
            assert child.stdout is not None
            answered |= {child.stdout.readline().strip() for _ in range(40 + 17 * life)}
            child.send_signal(signal.SIGKILL)
            answered |= {line.strip() for line in child.stdout if line.endswith("\n")}

        async with Database.open(url) as db:
            bank = Bank(db)
            rows = {row.effect_id: row.state for row in await db.barrier_rows()}
            assert answered <= rows.keys()
            assert set(rows.values()) == {"applied"}
            assert len(await bank.moved("ada")) == len(await bank.moved("bob")) == len(rows)


async def test_two_processes_write_at_once(bank: Bank, url: str) -> None:
    """Two processes that write without a pause both come to an end, and nothing of either is lost."""
    with process(*teller(url, "other", 60)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() != ""
        for number in range(60):
            outcome = await deliver(call(f"own-{number}"), lambda: bank.move(0, source="ada", target="bob"))
            assert isinstance(outcome, Reply)
        answered = await asyncio.to_thread(child.stdout.read)
        assert child.wait() == 0

    assert answered.count("\n") == 59
    assert len(await bank.moved("ada")) == 120


async def test_two_databases_of_one_process(bank: Bank, url: str) -> None:
    """Two services that share a file each come to their turn, however busy the other is."""
    async with Database.open(url) as other:
        banks = [bank, Bank(other)]

        async def work(number: int) -> None:
            for step in range(10):
                outcome = await deliver(call(f"c-{number}-{step}"), lambda: banks[number % 2].refund("ada", 1))
                assert isinstance(outcome, Reply)

        await asyncio.gather(*(work(number) for number in range(20)))

    assert await bank.amount("ada") == 300
