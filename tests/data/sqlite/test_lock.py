"""Another process has the write lock of the file: it is waited for, but not for ever."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.data.bank import Bank, bank_tables, call, deliver
from tests.data.processes import process
from weft.data import Database
from weft.errors import NotDone
from weft.model.call import Reply

HOLDER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
HOLDER += "print('held', flush=True); sys.stdin.readline(); c.execute('COMMIT')"


async def test_another_process_holds_the_lock(bank: Bank, file: Path) -> None:
    """A transaction waits for another process that writes, and never hears that the database is locked."""
    with process("-c", HOLDER, str(file)) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        waiting = [asyncio.create_task(deliver(call(f"c-{n}"), lambda: bank.charge("ada", 1))) for n in range(3)]
        done, _ = await asyncio.wait(waiting, timeout=0.05)
        assert not done
        holder.stdin.write("\n")
        holder.stdin.flush()

        outcomes = await asyncio.gather(*waiting)

    assert outcomes == [Reply(b"99"), Reply(b"98"), Reply(b"97")]


@pytest.mark.usefixtures("bank")
async def test_another_process_never_lets_go(file: Path) -> None:
    """After its named limit a transaction gives up with the word that nothing happened."""
    url = f"sqlite:///{file}"
    async with Database.open(url, lock_wait=timedelta(milliseconds=50)) as hasty:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        async def charge_and_shrug() -> int:
            with suppress(NotDone):
                return await Bank(hasty).charge("ada", 1)
            return 0

        outcomes = [
            await deliver(call("c-1"), lambda: Bank(hasty).charge("ada", 1)),
            await deliver(call("c-1"), charge_and_shrug),
        ]

        other.close()
        assert [isinstance(each, NotDone) and each.reason for each in outcomes] == ["busy", "storage"]
        assert await deliver(call("c-1"), lambda: Bank(hasty).charge("ada", 1)) == Reply(b"99")


@pytest.mark.parametrize("name", ["new.db", "folder/of/its/own/new.db"])
async def test_processes_open_a_new_file_at_once(tmp_path: Path, name: str) -> None:
    """Any number of openers of one new file find it whole."""
    url = f"sqlite:///{tmp_path / name}"

    opened = await asyncio.gather(*(Database.open(url, tables=bank_tables) for _ in range(6)))

    await Bank(opened[0]).open_account("ada", 5)
    assert [await Bank(each).amount("ada") for each in opened] == [5] * 6
    for each in opened:
        await each.close()
