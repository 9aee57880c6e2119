"""What a service promises about its calls, and what the host does about a promise that is not kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, Text, insert, select

from weft.clock import Clock, VirtualClock
from weft.data import Database
from weft.errors import OutcomeUnknown
from weft.host.host import Host
from weft.model.effect import idempotent, irreversible, read
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

metadata = MetaData()
parcels = Table("parcels", metadata, Column("key", Text, primary_key=True))


class Post(Service, name="post", tables=metadata):
    """Posts parcels, and takes its time over it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    @operation(read)
    async def posted(self, key: str) -> str | None:
        """Tell whether a parcel was posted, in other words than whoever posts it."""
        async with self.db.transaction() as tx:
            found = await tx.scalar(select(parcels.c.key).where(parcels.c.key == key))
        return None if found is None else f"{found} was posted"

    @operation(irreversible(asks="posted"), timeout=timedelta(seconds=1))
    async def post(self, key: str) -> str:
        """Post a parcel; the time is up when the commit begins."""
        async with self.db.transaction() as tx:
            await tx.execute(insert(parcels), {"key": key})
        assert isinstance(self.clock, VirtualClock)
        self.clock.move_to(self.clock.now_ms() + 1_000)
        return key


class Purse(Service, name="purse", exactly_once=True):
    """Says that it remembers every call."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(idempotent)
    async def forget(self) -> str:
        """Reply outside of any transaction."""
        return "done"

    @operation(idempotent)
    async def do_nothing(self) -> str:
        """Reply after an empty transaction."""
        async with self.db.transaction():
            return "nothing"


@workflow
async def send(key: str, *, post: Post) -> str:
    """Post a parcel."""
    return await post.post(key)


office = System("office", services=[Post, Purse], workflows=[send])


async def test_timeout_during_the_commit(tmp_path: Path) -> None:
    """An effect whose commit has begun is not taken for undone: the run hears what came of it."""
    async with Host(office, engine=f"sqlite:///{tmp_path}/office.db", clock=VirtualClock()) as host:
        run = await host.start(send, "p-1", id="p-1")

        assert await run.result() == "p-1"
        assert await host.proxy(Post).posted("p-1") == "p-1 was posted"


async def test_reply_outside_of_a_transaction(tmp_path: Path) -> None:
    """A service that says exactly_once and remembers nothing of a call is told so, and so is the caller."""
    async with Host(office, engine=f"sqlite:///{tmp_path}/office.db") as host:
        with pytest.raises(OutcomeUnknown, match="wrote nothing in a transaction") as caught:
            await host.proxy(Purse).forget()

    assert "an empty block remembers the call" in str(caught.value)


async def test_operation_with_nothing_to_do(tmp_path: Path) -> None:
    """An empty transaction keeps the promise."""
    async with Host(office, engine=f"sqlite:///{tmp_path}/office.db") as host:
        assert await host.proxy(Purse).do_nothing() == "nothing"


async def test_replaced_service_promises_nothing(tmp_path: Path) -> None:
    """An instance that a test puts in the place of a service has no transactions."""

    class Pretence:
        async def forget(self) -> str:
            return "pretended"

        async def do_nothing(self) -> str:
            return "pretended"

    async with Host(office, engine=f"sqlite:///{tmp_path}/office.db", replace={Purse: Pretence()}) as host:
        assert await host.proxy(Purse).forget() == "pretended"
