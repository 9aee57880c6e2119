"""Connections to a server: bounded, replaced when they break, and silent about secrets."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.data.bank import Bank, accounts, bank_tables, call, deliver
from weft.data import Database
from weft.errors import DatabaseUnreachable, NotDone, OutcomeUnknown, SettingInvalid
from weft.model.call import Reply


def end_connections(url: str) -> None:
    """End all other connections to the tables of a test, from the server's side."""
    ours = b"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid IN (%s)"
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute(b"SELECT pid FROM weft_test_connections").fetchall()
        for (pid,) in found:
            admin.execute(ours, (pid,))


async def test_connections_that_broke_while_nobody_used_them(bank: Bank, url: str) -> None:
    """A call after the server has ended the connections is carried out on a new one, as if nothing had been."""
    async with bank.db.transaction() as tx:
        await tx.execute(text("CREATE TABLE weft_test_connections AS SELECT pg_backend_pid() AS pid"))
    await asyncio.to_thread(end_connections, url)

    assert await deliver(call("c-1"), lambda: bank.charge("ada", 30)) == Reply(b"70")


async def test_connection_lost_inside_the_block(bank: Bank) -> None:
    """What was not asked to commit is rolled back: the caller hears that nothing happened, and may try again."""

    async def charge_and_lose() -> int:
        async with bank.db.transaction() as tx:
            await tx.execute(accounts.update().values(amount=0))
            await tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return 0

    outcome = await deliver(call("c-1"), charge_and_lose)

    assert isinstance(outcome, NotDone)
    assert outcome.reason == "unavailable"
    assert await deliver(call("c-1"), lambda: bank.charge("ada", 30)) == Reply(b"70")


async def test_connection_lost_in_the_commit(bank: Bank) -> None:
    """Lost between the commit and its answer, the outcome is unknown, and is said to be; the barrier then answers."""
    async with bank.db.transaction() as tx:
        await tx.execute(text("CREATE TABLE bombs (id integer)"))
        body = "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END"
        await tx.execute(text(f"CREATE FUNCTION bomb() RETURNS trigger LANGUAGE plpgsql AS '{body}'"))
        made = "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON bombs DEFERRABLE INITIALLY DEFERRED"
        await tx.execute(text(f"{made} FOR EACH ROW EXECUTE FUNCTION bomb()"))

    async def charge_with_a_bomb() -> int:
        async with bank.db.transaction() as tx:
            await tx.execute(text("INSERT INTO bombs VALUES (1)"))
        return 1

    with pytest.raises(OutcomeUnknown, match="could not say whether it committed"):
        await deliver(call("c-1"), charge_with_a_bomb)

    assert await deliver(call("c-1"), lambda: bank.charge("ada", 30)) == Reply(b"70")


async def test_more_transactions_than_connections(url: str) -> None:
    """Transactions beyond the bound wait for one another, and never hold more connections than it says."""
    async with Database.open(f"{url}&connections=2", tables=bank_tables) as db:
        bank = Bank(db)
        await bank.open_account("ada", 0)

        await asyncio.gather(*(deliver(call(f"c-{n}"), lambda: bank.refund("ada", 1)) for n in range(30)))

        assert await bank.amount("ada") == 30
        assert len(db._store.writers._free) <= 2


async def test_no_connection_in_time(url: str) -> None:
    """Who gets no connection within the named wait hears that nothing happened."""
    async with Database.open(f"{url}&connections=1", lock_wait=timedelta(milliseconds=50), tables=bank_tables) as db:
        bank = Bank(db)
        async with db.transaction():
            outcome = await asyncio.create_task(deliver(call("c-1"), lambda: bank.charge("ada", 1)))

    assert isinstance(outcome, NotDone)
    assert outcome.reason == "busy"


async def test_statement_that_takes_too_long(url: str) -> None:
    """A statement over its time limit is ended by the server, and the block may go on."""
    async with Database.open(f"{url}&statement_timeout_ms=50") as db, db.transaction() as tx:
        with pytest.raises(DBAPIError, match="statement timeout"):
            await tx.execute(text("SELECT pg_sleep(10)"))

        assert await tx.scalar(text("SELECT 1")) == 1


async def test_no_server(caplog: pytest.LogCaptureFixture) -> None:
    """Where no server answers the error says so, without the password, which no log has either."""
    caplog.set_level(logging.DEBUG)

    with pytest.raises(DatabaseUnreachable, match=r"shop at 127\.0\.0\.1:1 cannot be reached") as told:
        await Database.open("postgresql://ada:s3cret@127.0.0.1:1/shop")

    assert "s3cret" not in str(told.value) + repr(told.value.__cause__) + caplog.text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("postgresql://ada:s3cret@127.0.0.1", "names no database"),
        ("postgresql://ada:s3cret@127.0.0.1/shop?connections=none", "whole number"),
        ("postgresql://ada:s3cret@127.0.0.1/shop?nonsense=1", "cannot be used|cannot be reached"),
        ("postgresql://ada:s3cret@127.0.0.1:port/shop", "does not parse"),
    ],
)
async def test_url_that_cannot_be_used(wrong: str, reason: str) -> None:
    """A URL that names no database, or has parameters that nobody knows, is refused; its password is not repeated."""
    with pytest.raises((SettingInvalid, DatabaseUnreachable), match=reason) as told:
        await Database.open(wrong)

    assert "s3cret" not in str(told.value)


async def test_database_that_is_not_there(url: str) -> None:
    """A database that the server does not know is a wrong setting, not a server that is away."""
    with pytest.raises(SettingInvalid, match="does not exist"):
        await Database.open(url.replace("/postgres?", "/no_such_database?"))


async def test_encryption_that_the_server_does_not_offer(url: str) -> None:
    """What a URL says about TLS is what is done: without it on the server nothing is sent in the clear."""
    with pytest.raises((SettingInvalid, DatabaseUnreachable), match="SSL"):
        await Database.open(f"{url}&sslmode=require")
