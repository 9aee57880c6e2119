"""A process of its own that makes transfers on a bank: `python -m tests.data.teller URL NAME COUNT`."""

from __future__ import annotations

import asyncio
import itertools
import sys

from tests.data.bank import Bank, call, deliver
from weft.data import Database
from weft.model.call import Reply


async def main(url: str, name: str, count: int) -> None:
    """Make transfers with 16 at once and print the id of each one that was answered; count 0 is for ever."""
    numbers = iter(range(count) if count else itertools.count())
    async with Database.open(url) as db:
        bank = Bank(db)

        async def work() -> None:
            for number in numbers:
                call_id = f"{name}-{number}"
                outcome = await deliver(call(call_id), lambda: bank.move(0, source="ada", target="bob"))
                assert isinstance(outcome, Reply), outcome
                print(call_id, flush=True)  # noqa: T201 - the parent reads what was answered

        await asyncio.gather(*(work() for _ in range(16)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
