"""Several processes on one file: one dies in the middle, others write at the same time; real processes, real kills."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.data.bank import Bank, bank_tables, call, deliver
from weft.data import Database
from weft.errors import NotDone
from weft.model.call import Reply

ROOT = Path(__file__).resolve().parents[2]
HOLDER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
HOLDER += "print('held', flush=True); sys.stdin.readline(); c.execute('COMMIT')"


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python in a process that does not outlive the block."""
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def teller(file: Path, name: str, count: int) -> tuple[str, ...]:
    """Return the arguments that start a teller."""
    return ("-m", "tests.data.teller", str(file), name, str(count))


async def test_killed_in_the_middle(file: Path) -> None:
    """After kill -9 every answered transfer is in the file, with both entries and its row, and no other half of one."""
    async with Database.open(f"sqlite:///{file}", tables=bank_tables) as db:
        await Bank(db).open_account("ada", 0)
        await Bank(db).open_account("bob", 0)
    answered: set[str] = set()
    for life in range(5):
        with process(*teller(file, f"life{life}", 0)) as child:
            assert child.stdout is not None
            answered |= {child.stdout.readline().strip() for _ in range(40 + 17 * life)}
            child.send_signal(signal.SIGKILL)
            answered |= {line.strip() for line in child.stdout if line.endswith("\n")}

        async with Database.open(f"sqlite:///{file}") as db:
            bank = Bank(db)
            rows = {row.effect_id: row.state for row in await db.barrier_rows()}
            assert answered <= rows.keys()
            assert set(rows.values()) == {"applied"}
            assert len(await bank.moved("ada")) == len(await bank.moved("bob")) == len(rows)


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


async def test_two_processes_write_at_once(bank: Bank, file: Path) -> None:
    """Two processes that write without a pause both come to an end, and nothing of either is lost."""
    with process(*teller(file, "other", 300)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() != ""
        for number in range(300):
            outcome = await deliver(call(f"own-{number}"), lambda: bank.move(0, source="ada", target="bob"))
            assert isinstance(outcome, Reply)
        answered = await asyncio.to_thread(child.stdout.read)
        assert child.wait() == 0

    assert answered.count("\n") == 299
    assert len(await bank.moved("ada")) == 600


async def test_two_databases_of_one_process(bank: Bank, file: Path) -> None:
    """Two services that share a file each come to their turn, however busy the other is."""
    async with Database.open(f"sqlite:///{file}") as other:
        banks = [bank, Bank(other)]

        async def work(number: int) -> None:
            for step in range(20):
                outcome = await deliver(call(f"c-{number}-{step}"), lambda: banks[number % 2].refund("ada", 1))
                assert isinstance(outcome, Reply)

        await asyncio.gather(*(work(number) for number in range(40)))

    assert await bank.amount("ada") == 900


@pytest.mark.parametrize("name", ["new.db", "folder/of/its/own/new.db"])
async def test_processes_open_a_new_file_at_once(tmp_path: Path, name: str) -> None:
    """Any number of openers of one new file find it whole."""
    url = f"sqlite:///{tmp_path / name}"

    opened = await asyncio.gather(*(Database.open(url, tables=bank_tables) for _ in range(6)))

    await Bank(opened[0]).open_account("ada", 5)
    assert [await Bank(each).amount("ada") for each in opened] == [5] * 6
    for each in opened:
        await each.close()
