"""A small bank on a weft database, and a driver that delivers calls to it as the dispatcher does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Any

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Table, Text, func, select
from sqlalchemy.exc import DBAPIError

from weft.codec import Codec, RecordCodec
from weft.data import Database
from weft.errors import NotDone
from weft.flow.ambient import AlreadySettled, CurrentCall, Overtaken, current_call
from weft.host.dispatcher import TIMES_OVERTAKEN
from weft.model.call import Call, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.refusal import Declined

bank_tables = MetaData()

accounts = Table(
    "accounts",
    bank_tables,
    Column("owner", Text, primary_key=True),
    Column("amount", Integer, CheckConstraint("amount >= 0"), nullable=False),
)

entries = Table(
    "entries",
    bank_tables,
    Column("id", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("amount", Integer, nullable=False),
)


class TooPoor(Declined):
    """The account does not hold the amount."""

    owner: str


ANSWER: Codec[int | None] = Codec(int | None)
POOR = Codec(TooPoor)


class Died(BaseException):
    """The process is gone: nothing is told to anybody."""


class Bank:
    """Accounts that never go below zero, with an entry for each movement."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.bodies = 0

    async def open_account(self, owner: str, amount: int) -> None:
        """Set up an account outside any call."""
        async with self.db.transaction() as tx:
            await tx.execute(accounts.insert(), {"owner": owner, "amount": amount})

    async def charge(self, owner: str, amount: int) -> int:
        """Take an amount and return what is left."""
        return await self._move(owner, -amount)

    async def refund(self, owner: str, amount: int) -> int:
        """Give an amount back; the undo of `charge`."""
        return await self._move(owner, amount)

    async def _move(self, owner: str, amount: int) -> int:
        async with self.db.transaction() as tx:
            self.bodies += 1
            left = int(await tx.scalar(select(accounts.c.amount).where(accounts.c.owner == owner))) + amount
            if left < 0:
                raise TooPoor(owner)
            await tx.execute(accounts.update().where(accounts.c.owner == owner), {"amount": left})
            await tx.execute(entries.insert(), {"owner": owner, "amount": amount})
        return left

    async def move(self, amount: int, *, source: str, target: str) -> None:
        """Move an amount from one account to another."""
        async with self.db.transaction() as tx:
            for owner, change in ((source, -amount), (target, amount)):
                moved = accounts.update().where(accounts.c.owner == owner).values(amount=accounts.c.amount + change)
                await tx.execute(moved)
                await tx.execute(entries.insert(), {"owner": owner, "amount": change})

    async def total(self) -> int:
        """Return what all accounts hold together, as committed."""
        async with self.db.transaction(read_only=True) as tx:
            return int(await tx.scalar(select(func.sum(accounts.c.amount))))

    async def amount(self, owner: str) -> int:
        """Return what an account holds, as committed."""
        async with self.db.transaction(read_only=True) as tx:
            return int(await tx.scalar(select(accounts.c.amount).where(accounts.c.owner == owner)))

    async def moved(self, owner: str) -> list[int]:
        """Return the movements of an account, as committed."""
        async with self.db.transaction(read_only=True) as tx:
            query = select(entries.c.amount).where(entries.c.owner == owner).order_by(entries.c.id)
            return [row[0] for row in await tx.rows(query)]


@cache
def operation(name: str, kind: EffectKind = EffectKind.COMPENSATED) -> Operation:
    """Return the declaration of one of the bank's operations."""
    return Operation(
        service="bank",
        name=name,
        kind=kind,
        parameters=RecordCodec({}),
        result=ANSWER,
        refusals={"TooPoor": POOR},
        timeout_ms=1000,
    )


def call(call_id: str, name: str = "charge", *, arguments: bytes = b"{}", issued_ms: int = 0) -> Call:
    """Return a call of an operation."""
    return Call(id=call_id, service="bank", operation=name, arguments=arguments, issued_ms=issued_ms)


def undo_of(call_id: str, *, issued_ms: int = 0) -> Call:
    """Return the call that undoes another."""
    return Call(
        id=f"{call_id}~undo",
        undoes=call_id,
        service="bank",
        operation="refund",
        arguments=b"{}",
        issued_ms=issued_ms,
    )


async def ignore(_: Call) -> Outcome:
    """Stand where calls to other services go; the bank makes none."""
    return NotDone("the bank calls nobody")


async def deliver(
    a_call: Call, body: Callable[[], Awaitable[Any]], *, kind: EffectKind = EffectKind.COMPENSATED, dies: bool = False
) -> Outcome:
    """Run an operation's body for a call, as the dispatcher does; one that `dies` does so before it could commit."""
    for times in range(TIMES_OVERTAKEN):
        current = CurrentCall(a_call, operation(a_call.operation, kind), ignore)
        current.overtaken = times
        with suppress(Overtaken):
            return await _deliver_once(current, body, dies=dies)
    raise AssertionError("overtaken again and again, though alone")


async def _deliver_once(current: CurrentCall, body: Callable[[], Awaitable[Any]], *, dies: bool) -> Outcome:
    token = current_call.set(current)
    try:
        outcome = await _outcome(body, dies=dies)
        if current.participant is not None:
            await current.participant.finish(outcome)
    except AlreadySettled as settled:
        return settled.outcome
    except NotDone as failure:
        if current.participant is not None:
            await current.participant.abandon()
        return failure
    except DBAPIError as error:
        if current.participant is not None:
            await current.participant.abandon()
        return NotDone(str(error), reason="exception")
    except BaseException:
        if current.participant is not None:
            await current.participant.abandon()
        raise
    finally:
        current.over = True
        current_call.reset(token)
    return outcome


async def _outcome(body: Callable[[], Awaitable[Any]], *, dies: bool) -> Outcome:
    try:
        outcome: Outcome = Reply(ANSWER.encode(await body()))
    except TooPoor as refusal:
        outcome = Refused("TooPoor", POOR.encode(refusal))
    if dies:
        raise Died
    return outcome
