"""The host: a System at work, opened whole or not at all, and drained when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.host.mill import Gate, Mill, fill, fill_all, mills, sacks, settings
from weft.clock import VirtualClock
from weft.data import Database
from weft.errors import DeclarationInvalid, NotDone, OutcomeUnknown, SettingInvalid, StoreOwned
from weft.faults.plan import Plan
from weft.host.dispatcher import Ending
from weft.host.host import Host
from weft.host.settings import Settings
from weft.ids import SeededIds
from weft.model.call import Call
from weft.model.effect import idempotent
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System


@pytest.fixture(autouse=True)
def _gate() -> None:
    Gate.shut()
    Gate.opened.set()


def databases(folder: Path) -> list[str]:
    """Return the databases in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.db"))


async def test_run_reaches_its_result(tmp_path: Path) -> None:
    """A workflow runs over a service with a database, and can be found by its id."""
    async with Host(mills, settings=settings(tmp_path)) as host:
        run = await host.start(fill, 3, id="sack-3")

        assert await run.result() == 3
        assert await host.find(fill, "sack-3").result() == 3
    assert databases(tmp_path) == ["mill.db", "mills.db"]


async def test_workflow_starts_runs(tmp_path: Path) -> None:
    """A workflow that asks for Runs starts other runs and waits for them."""
    async with Host(mills, settings=settings(tmp_path)) as host:
        run = await host.start(fill_all, 4, id="all")

        assert await run.result() == 6
        assert await host.proxy(Mill).count() == 4


async def test_proxy_calls_with_fresh_ids(tmp_path: Path) -> None:
    """A caller outside runs gets the service's answer; two equal calls of it are two effects."""
    seen: list[tuple[str, Ending]] = []

    def witness(call: Call, ending: Ending) -> None:
        seen.append((call.id, ending))

    options: dict[str, Any] = {"clock": VirtualClock(), "ids": SeededIds(1), "witness": witness}
    async with Host(mills, settings=settings(tmp_path), **options) as host:
        assert await host.proxy(Mill).grind(7) == 7
        with pytest.raises(NotDone, match="UNIQUE"):
            await host.proxy(Mill).grind(7)

    assert len({call_id for call_id, _ in seen}) == 2
    assert [ending for _, ending in seen] == [Ending.APPLIED, Ending.FAILED]


async def test_engine_argument_beats_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program says is stronger than its settings and the environment, and folders are made."""
    monkeypatch.setenv("WEFT_ENGINE", f"sqlite:///{tmp_path}/no.db")
    monkeypatch.chdir(tmp_path)
    async with (
        Host(mills, engine="sqlite:///a/yes.db"),
        Host(mills, engine="sqlite:///b/yes.db", settings=Settings(engine="sqlite:///no.db")),
    ):
        assert databases(tmp_path) == ["a/mill.db", "a/yes.db", "b/mill.db", "b/yes.db"]


async def test_policies_stand_around_calls(tmp_path: Path) -> None:
    """A plan of faults is a policy like any other."""
    plan = Plan(mills)
    plan.lose_reply(Mill.grind, times=1)
    async with Host(mills, settings=settings(tmp_path), policies=[plan]) as host:
        with pytest.raises(OutcomeUnknown):
            await host.proxy(Mill).grind(1)

        assert await host.proxy(Mill).count() == 1


async def test_closing_waits_for_calls_under_way(tmp_path: Path) -> None:
    """A call that has begun ends, and its outcome is on disk, before the host is closed."""
    Gate.shut()
    host = Host(mills, settings=settings(tmp_path))
    async with host:
        await host.start(fill, 5, id="sack-5")
        await Gate.started.wait()
        closing = asyncio.create_task(host.close())
        await asyncio.sleep(0)
        assert not closing.done()
        Gate.opened.set()
        await closing

    async with Host(mills, settings=settings(tmp_path), policies=[Plan(mills)]) as host:
        assert await host.find(fill, "sack-5").result() == 5


async def test_killed_host_resumes_at_the_next_start(tmp_path: Path) -> None:
    """What a crash interrupts goes on from the journal, with the effect applied once."""
    Gate.shut()
    async with Host(mills, settings=settings(tmp_path)) as host:
        await host.start(fill, 5, id="sack-5")
        await Gate.started.wait()
        await host.kill()
    Gate.opened.set()

    async with Host(mills, settings=settings(tmp_path)) as host:
        assert await host.find(fill, "sack-5").result() == 5
        assert await host.proxy(Mill).count() == 1


async def test_second_host_is_refused_and_leaves_nothing_open(tmp_path: Path) -> None:
    """A store has one owner; whoever is refused has closed what it opened, and the first works on."""
    async with Host(mills, settings=settings(tmp_path)) as host:
        with pytest.raises(StoreOwned):
            async with Host(mills, settings=settings(tmp_path)):
                pass

        assert await (await host.start(fill, 1, id="sack-1")).result() == 1


class Heap(Service, name="heap"):
    """Asks for two resources."""

    def __init__(self, db: Database, lamp: Lamp) -> None:
        self.db = db
        self.lamp = lamp

    @operation(idempotent)
    async def add(self) -> None:
        """Do nothing."""


class Lamp:
    """A resource that is never there."""


async def test_failure_while_opening_closes_what_was_opened(tmp_path: Path) -> None:
    """A resource that cannot be opened leaves the others closed and the store free."""
    closed: list[str] = []

    @asynccontextmanager
    async def database(service: str, url: str) -> AsyncIterator[Database]:
        async with Database.open(url, tables=sacks.metadata) as db:
            try:
                yield db
            finally:
                closed.append(service)

    @asynccontextmanager
    async def lamp(service: str, url: str) -> AsyncIterator[Lamp]:
        raise ConnectionError(f"no lamp for {service} at {url!r}")
        yield Lamp()

    system = System("heaps", services=[Heap])
    with pytest.raises(ConnectionError, match="no lamp for heap"):
        async with Host(system, settings=settings(tmp_path), providers={Database: database, Lamp: lamp}):
            pass

    assert closed == ["heap"]


async def test_provider_that_is_missing_is_named(tmp_path: Path) -> None:
    """A host does not open with a parameter that nothing provides."""
    with pytest.raises(SettingInvalid, match="heap asks for lamp: Lamp"):
        async with Host(System("heaps", services=[Heap]), settings=settings(tmp_path)):
            pass


async def test_proxy_of_a_stranger_is_refused(tmp_path: Path) -> None:
    """There are proxies of the System's services only."""
    host = Host(mills, settings=settings(tmp_path))

    with pytest.raises(DeclarationInvalid, match="carries out Heap"):
        host.proxy(Heap)


def test_unknown_engine_is_refused_before_anything_opens() -> None:
    """A host for an engine that does not exist cannot be made."""
    with pytest.raises(SettingInvalid, match="supported: sqlite"):
        Host(mills, engine="carrier-pigeon://loft")
