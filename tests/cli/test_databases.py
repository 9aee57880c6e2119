"""`weft doctor` and the databases of services: a server that answers or does not, and what an outbox holds back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import servers
from tests.host.bank import RunsNotebook
from tests.host.desk import Line, log, office
from weft.cli.databases import check_databases
from weft.data import Database
from weft.errors import RunNotFound
from weft.flow.runs import Runs
from weft.host.settings import Settings


class Nobody(RunsNotebook):
    """An engine without any run."""

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Refuse."""
        raise RunNotFound(f"there is no run {workflow}/{run_id}", kind=kind, size=len(data), message_id=message_id)


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a service has its database."""
    if request.param == "server":
        found: str = request.getfixturevalue("postgresql_url")
        return f"{found}&connections=2"
    return f"sqlite:///{tmp_path}/desk.db"


def settings_with(url: str) -> Settings:
    """Return settings with one service's database."""
    return Settings(services={"desk": {"database": url}})


async def test_refused_request_is_told(url: str) -> None:
    """What an engine will never take is worth a word, with its reason and what to do."""
    async with Database.open(url) as db:
        async with db.transaction() as tx:
            await tx.send(Runs(office, RunsNotebook()).find(log, "gone"), Line("late"))
        relay = db.relay(Nobody(), str)
        relay.start()
        while True:
            if all(row.state == "refused" for row in await db.outbox_rows()):
                break
            await asyncio.sleep(0)  # what a file answers at once gives nobody else a turn
        await relay.close()

    [check] = check_databases(settings_with(url))

    assert (check.name, check.status) == ("database of desk", "note")
    assert "1 requests of its outbox were refused, first: send of log/gone, RunNotFound" in check.what
    assert "weft_outbox" in check.remedy


async def test_requests_that_wait_are_told(url: str) -> None:
    """What has not left yet is counted, and nothing is wrong."""
    async with Database.open(url) as db, db.transaction() as tx:
        await tx.send(Runs(office, RunsNotebook()).find(log, "l-1"), Line("a"))

    [check] = check_databases(settings_with(url))

    assert (check.status, check.remedy) == ("ok", "")
    assert "1 requests of its outbox have not left yet" in check.what


def test_server_without_tables(postgresql_server: servers.Server) -> None:
    """A server that no service has used yet says its version."""
    [check] = check_databases(settings_with(postgresql_server.url))

    assert check.status == "ok"
    assert check.what.startswith("PostgreSQL ")


def test_server_that_does_not_answer() -> None:
    """It is wrong, says so without the password, and says what to look at."""
    [check] = check_databases(settings_with("postgresql://ada:secret@127.0.0.1:1/bank"))

    assert check.status == "wrong"
    assert "secret" not in check.what
    assert "check that it runs" in check.remedy
