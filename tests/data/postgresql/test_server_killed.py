"""The server dies in the middle of everything, and comes back: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests import servers
from tests.data.bank import Bank, bank_tables, call, deliver
from weft.data import Database
from weft.errors import CallFailed
from weft.model.call import Reply

CALLS = 200


@pytest.fixture
async def own_server(postgresql_server: servers.Server) -> AsyncIterator[list[servers.Server]]:
    """Return a server that a test may kill, in a list that ends with the one that runs."""
    if postgresql_server.pid is None:
        pytest.skip("the server at WEFT_TEST_POSTGRESQL is not ours to kill")
    lives = [await asyncio.to_thread(servers.start)]
    yield lives
    await asyncio.to_thread(servers.stop, lives[-1])


async def insist(bank: Bank, call_id: str) -> list[str]:
    """Deliver a call until it is answered, as the engine does; return what its attempts came to."""
    told: list[str] = []
    while True:
        try:
            outcome = await deliver(call(call_id), lambda: bank.move(1, source="ada", target="bob"))
        except CallFailed as failure:
            outcome = failure
        told.append(type(outcome).__name__)
        if isinstance(outcome, Reply):
            return told
        await asyncio.sleep(0)


async def test_server_killed_and_started_again(own_server: list[servers.Server]) -> None:
    """Every call is applied once, whether the server died before, in or after its commit."""
    async with Database.open(own_server[0].url, tables=bank_tables, lock_wait=timedelta(seconds=60)) as db:
        bank = Bank(db)
        await bank.open_account("ada", CALLS)
        await bank.open_account("bob", 0)
        calls = asyncio.gather(*(insist(bank, f"c-{n}") for n in range(CALLS)))
        for part in (0.2, 0.6):
            while db.commits < part * CALLS:
                await insist(bank, "c-0")
            pid = own_server[-1].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            own_server.append(await asyncio.to_thread(servers.start, own_server[0].data))

        await calls

        assert (await bank.amount("ada"), await bank.amount("bob")) == (0, CALLS)
        assert len(await bank.moved("bob")) == len(await db.barrier_rows()) == CALLS
