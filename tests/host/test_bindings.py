"""Bindings: constructors get what their types say, resources are opened and closed, and what is missing is named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from tests.host.bank import Accounts, Rates, RunsNotebook, bank
from weft.clock import Clock, VirtualClock
from weft.data import Database
from weft.errors import SettingInvalid
from weft.flow.ambient import CurrentCall, current_call
from weft.flow.runs import Runs
from weft.host.bindings import NotingPort, Wiring, bind, proxy_for
from weft.host.settings import Settings
from weft.ids import Ids, SeededIds
from weft.model.call import Call, Outcome, Reply
from weft.model.effect import idempotent, read
from weft.model.operation import operation
from weft.model.service import Service
from weft.model.system import System

metadata = MetaData()
seats = Table("seats", metadata, Column("number", Integer, primary_key=True))


class MailServer:
    """A resource that notes when it is opened and closed."""

    log: tuple[str, ...] = ()

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    @asynccontextmanager
    async def provide(cls, service: str, url: str) -> AsyncIterator[MailServer]:
        """Open one for a service."""
        cls.log += (f"open {service}",)
        yield cls(url)
        cls.log += (f"close {service}",)


class Mail(Service, name="mail"):
    """Sends letters."""

    def __init__(self, server: MailServer, postage: Decimal = Decimal("0.85")) -> None:
        self.server = server
        self.postage = postage

    @operation(idempotent)
    async def tell(self, whom: str) -> str:
        """Say where the letter goes."""
        return f"{self.server.url} for {whom} at {self.postage}"


class Seats(Service, name="seats", tables=metadata):
    """Seats of a room."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(read)
    async def count(self) -> int:
        """Count them."""
        async with self.db.transaction() as tx:
            return len(await tx.rows(select(seats)))


async def answer(call: Call) -> Outcome:
    """Answer every call with its id."""
    return Reply(call.id.encode())


def wiring(system: System, **fields: Any) -> Wiring:
    """Return a wiring on a virtual clock."""
    own: Mapping[Any, Any] = {Clock: VirtualClock(), Ids: SeededIds(1)}
    fields.setdefault("settings", Settings(engine="sqlite:///unused.db"))
    return Wiring(system=system, send=answer, runs=RunsNotebook(), own=own, **fields)


async def test_constructor_gets_what_its_types_say() -> None:
    """A service asks for another service, a clock and runs, and gets proxy, clock and Runs."""
    wires = wiring(bank)
    async with AsyncExitStack() as stack:
        bound = await bind(wires, stack)

    accounts: Accounts = getattr(bound["accounts.deposit"].method, "__self__")  # noqa: B009 - typed as any function
    assert repr(accounts.rates) == "<proxy of Rates>"
    assert accounts.clock is wires.own[Clock]
    assert isinstance(accounts.runs, Runs)
    assert all(each.alone for each in bound.values())


async def test_resources_are_opened_and_closed() -> None:
    """A provider is asked with the service's name and the URL of its settings; what has a default keeps it."""
    system = System("post", services=[Mail])
    settings = Settings(engine="sqlite:///x/post.db", services={"mail": {"mail_server": "smtp://{service}/{store}"}})
    MailServer.log = ()
    async with AsyncExitStack() as stack:
        bound = await bind(wiring(system, settings=settings, providers={MailServer: MailServer.provide}), stack)

        assert await bound["mail.tell"].method("ada") == "smtp://mail/x for ada at 0.85"
        assert not bound["mail.tell"].alone
    assert MailServer.log == ("open mail", "close mail")


async def test_database_is_a_file_of_its_own_with_its_tables(tmp_path: Path) -> None:
    """A service that asks for a Database gets one file in the store, where its tables are there."""
    system = System("room", services=[Seats])
    settings = Settings(engine=f"sqlite:///{tmp_path}/engine.db", store=f"{tmp_path}/data")
    async with AsyncExitStack() as stack:
        bound = await bind(wiring(system, settings=settings), stack)
        service: Seats = getattr(bound["seats.count"].method, "__self__")  # noqa: B009 - typed as any function
        async with service.db.transaction() as tx:
            await tx.execute(insert(seats), {"number": 1})

        assert await service.count() == 1
        assert bound["seats.count"].alone
    assert (tmp_path / "data" / "seats.db").exists()


async def test_provider_of_the_program_beats_the_one_built_in(tmp_path: Path) -> None:
    """A program may say itself how databases are opened."""
    asked: list[str] = []

    def provide(service: str, url: str) -> Any:
        asked.append(url)
        return Database.open(f"sqlite:///{tmp_path}/{service}.db")

    settings = Settings(engine=f"sqlite:///{tmp_path}/engine.db")
    async with AsyncExitStack() as stack:
        await bind(wiring(System("r", services=[Seats]), settings=settings, providers={Database: provide}), stack)

    assert asked == [f"sqlite:///{tmp_path}/seats.db"]


async def test_missing_provider_is_named() -> None:
    """A parameter that nothing provides is refused with service, name, type and what to do."""
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingInvalid, match="mail asks for server: MailServer") as refused:
            await bind(wiring(System("post", services=[Mail])), stack)

    assert "providers={MailServer: " in str(refused.value)


async def test_instances_replace_services() -> None:
    """An instance given in place of a service is called, and nothing is opened for the service."""

    class DeadLetters:
        async def tell(self, whom: str) -> str:
            return f"no letter for {whom}"

    async with AsyncExitStack() as stack:
        bound = await bind(wiring(System("post", services=[Mail]), replace={Mail: DeadLetters()}), stack)

    assert await bound["mail.tell"].method(whom="ada") == "no letter for ada"


@pytest.mark.parametrize(
    ("replace", "says"),
    [({Mail: object()}, "no async tell"), ({Mail: Mail}, "takes instances"), ({Rates: object()}, "no service")],
)
async def test_wrong_replacements_are_refused(replace: dict[type[Any], object], says: str) -> None:
    """A replacement has every operation, is an instance, and stands for a service of the System."""
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingInvalid, match=says):
            await bind(wiring(System("post", services=[Mail]), replace=replace), stack)


@pytest.mark.parametrize(
    ("services", "says"),
    [
        ({"mial": {"mail_server": "x"}}, "did you mean 'mail'"),
        ({"mail": {"server": "x"}}, "did you mean 'mail_server'"),
    ],
)
async def test_settings_of_what_is_not_there_are_refused(services: dict[str, dict[str, str]], says: str) -> None:
    """A setting for an unknown service or resource is refused with the nearest name."""
    settings = Settings(services=services)
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingInvalid) as refused:
            await bind(
                wiring(System("post", services=[Mail]), settings=settings, providers={MailServer: MailServer.provide}),
                stack,
            )

    assert says in str(refused.value)


async def test_what_an_operation_asks_of_runs_is_written_elsewhere() -> None:
    """Starting, telling and cancelling runs does not roll back with a transaction; waiting and looking is nothing."""
    port = NotingPort(RunsNotebook())
    current = CurrentCall(
        Call(id="c", service="s", operation="o", arguments=b""), bank.operations["rates.rate"], answer
    )
    token = current_call.set(current)

    await port.result("w", "r")
    await port.read("w", "r", "s")
    looked = current.wrote_elsewhere
    await port.send("w", "r", kind="k", data=b"")
    current_call.reset(token)

    assert (looked, current.wrote_elsewhere) == (False, True)


def test_proxy_needs_a_service() -> None:
    """There is a proxy for a contract of the System and for nothing else."""
    assert repr(proxy_for(Rates, wiring(bank))) == "<proxy of Rates>"
    assert proxy_for(Mail, wiring(bank)) is None
