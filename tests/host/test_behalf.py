"""For whom a run works: what its services see of it, from the first call to the last life."""

from __future__ import annotations

import asyncio
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from weft.errors import InputInvalid, LimitExceeded
from weft.flow.ambient import current_call
from weft.flow.runs import Runs
from weft.host.host import Host
from weft.model.effect import idempotent, read
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Seen:
    """What a service sees of who asks."""

    tenant: str
    principal: str
    trace: str


class Mirror(Service, name="mirror"):
    """Shows callers for whom they ask."""

    open = asyncio.Event()
    reached = asyncio.Event()

    @operation(read)
    async def look(self) -> Seen:
        """Return what the call says."""
        around = current_call.get()
        assert around is not None
        return Seen(around.call.tenant, around.call.principal, around.call.trace)


class Desk(Service, name="desk"):
    """Asks the mirror, and starts runs."""

    def __init__(self, mirror: Mirror, runs: Runs) -> None:
        self.mirror = mirror
        self.runs = runs

    @operation(idempotent)
    async def ask(self) -> Seen:
        """Ask from inside an operation, once the way is open."""
        Mirror.reached.set()
        await Mirror.open.wait()
        return await self.mirror.look()

    @operation(idempotent)
    async def order(self, name: str) -> None:
        """Start a run from inside an operation."""
        await self.runs.start(look, name, id=name)


@workflow
async def look(name: str, *, mirror: Mirror) -> Seen:
    """Ask from a run."""
    del name
    return await mirror.look()


@workflow
async def ask_all(name: str, *, mirror: Mirror, desk: Desk, runs: Runs) -> list[Seen]:
    """Ask from a run, an operation, a run that it starts, one for another tenant, and one that an operation starts."""
    seen = [await mirror.look(), await desk.ask()]
    child = await runs.start(look, name, id=f"{name}.child")
    stranger = await runs.start(look, name, id=f"{name}.stranger", tenant="elsewhere")
    await desk.order(f"{name}.order")
    return [*seen, await child.result(), await stranger.result(), await runs.find(look, f"{name}.order").result()]


system = System("behalf", services=[Mirror, Desk], workflows=[look, ask_all])


async def test_every_call_says_for_whom_also_after_recovery(tmp_path: Path) -> None:
    """Tenant, principal and trace reach every service, nested calls and children, in every life of the run."""
    url = f"sqlite:///{tmp_path}/behalf.db"
    Mirror.open, Mirror.reached = asyncio.Event(), asyncio.Event()
    async with Host(system, engine=url) as host:
        await host.start(ask_all, "a", id="a", tenant="acme", principal="ada", trace=TRACE)
        await Mirror.reached.wait()
        await host.kill()
    Mirror.open.set()

    async with Host(system, engine=url) as host:
        seen = await host.find(ask_all, "a").result()
        tenants = {view.id: view.tenant for view in await host.engine.list()}

    expected = ("acme", "ada", TRACE)
    assert [astuple(each) for each in seen] == [*[expected] * 3, ("elsewhere", "ada", TRACE), expected]
    assert tenants == {"a": "acme", "a.child": "acme", "a.stranger": "elsewhere", "a.order": "acme"}


async def test_names_that_cannot_be_stored(tmp_path: Path) -> None:
    """A name that no commit would take is refused at the door."""
    async with Host(system, engine=f"sqlite:///{tmp_path}/behalf.db") as host:
        with pytest.raises(InputInvalid, match="the tenant"):
            await host.start(look, "x", id="x", tenant="\ud800")
        with pytest.raises(LimitExceeded, match="a principal has at most"):
            await host.start(look, "x", id="x", principal="p" * 10_000)

        assert await host.engine.list() == []
