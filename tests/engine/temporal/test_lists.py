"""Runs on a real server are found by weft's queries: status, tenant, attributes of every kind, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from weft import Attribute, Host, System, workflow
from weft.errors import CursorInvalid, QueryInvalid
from weft.host.settings import Settings
from weft.model.run import RunView

region = Attribute("WeftTestRegion", str)
cents = Attribute("WeftTestCents", int)
paid = Attribute("WeftTestPaid", bool)
due = Attribute("WeftTestDue", datetime)
tags = Attribute("WeftTestTags", tuple[str, ...])
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@workflow
async def order(number: int) -> int:
    """Say how much it is."""
    if number:
        cents.set(number * 100)
    if number == 3:
        message = "none left"
        raise ValueError(message)
    return number


shop = System("shop", workflows=[order])


def names(found: Iterable[RunView]) -> set[str]:
    """Return the ids of runs without what makes them those of one test."""
    return {view.id.rpartition("~")[2] for view in found}


async def seen(host: Host, where: str, count: int) -> set[str]:
    """Return the ids that a query finds, once the server's lists have as many; else what they have in the end."""
    found: set[str] = set()
    for _ in range(600):
        found = names(await host.list(where))
        if len(found) == count:
            break
        await asyncio.sleep(0.05)  # the server tells nobody when its lists have caught up
    return found


@pytest.fixture
def key() -> str:
    """Return what no other test has."""
    return uuid4().hex


@pytest.fixture
async def host(temporal_address: str, key: str, tmp_path: Path) -> AsyncIterator[Host]:
    """Return a host with four runs that have ended: one without any attribute, and one that failed."""
    url = f"temporal://{temporal_address}/default?task_queue={key}"
    async with Host(shop, settings=Settings(engine=url, store=str(tmp_path))) as opened:
        for number in range(4):
            said = [cents.of(0), region.of("eu"), paid.of(number > 1), due.of(NEW_YEAR), tags.of(("a", f"t{number}"))]
            run = await opened.start(
                order, number, id=f"{key}~o-{number}", tenant=f"t-{number}", attributes=said[: number * 5]
            )
            await asyncio.gather(run.result(), return_exceptions=True)
        assert await seen(opened, "status != 'open'", 4) == {"o-0", "o-1", "o-2", "o-3"}
        yield opened


async def test_what_a_query_finds(host: Host, key: str) -> None:
    """Each comparison finds the runs that it finds on the embedded engine, also of runs that lack the attribute."""
    for where, ids in {
        "WeftTestRegion = 'eu' and WeftTestCents >= 200": {"o-2", "o-3"},
        "WeftTestRegion != 'us'": {"o-1", "o-2", "o-3"},
        "not (WeftTestRegion = 'eu')": {"o-0"},
        "WeftTestRegion is null or WeftTestTags = 't1'": {"o-0", "o-1"},
        "WeftTestPaid = true and not (WeftTestTags in ('t3', 'x'))": {"o-2"},
        "WeftTestDue between '2025-12-31T00:00:00Z' and '2026-01-01T00:00:00Z'": {"o-1", "o-2", "o-3"},
        "WeftTestDue = '2026-01-01T00:00:00Z' and WeftTestCents < 200": {"o-1"},
        "not (WeftTestDue > '2025-12-31T00:00:00Z')": {"o-0"},
        "WeftTestRegion starts_with 'e' and tenant in ('t-1', 't-9')": {"o-1"},
        f"status = 'failed' and id in ('{key}~o-3', '{key}~o-2')": {"o-3"},
        "created > -1h and ended <= now and WeftTestCents between 100 and 200": {"o-1", "o-2"},
        "status = 'cancelled' or created > now": set[str](),
    }.items():
        assert names(await host.list(where)) == ids, where


async def test_counts_and_values(host: Host, key: str) -> None:
    """Runs are counted by status and by an attribute, and a list shows the values."""
    page = await host.list(f"id = '{key}~o-2'")

    assert await host.count() == 4
    assert await host.count(by="status") == {"completed": 3, "failed": 1}
    assert await host.count("status = 'completed'", by="WeftTestRegion") == {"eu": 2, "": 1}
    assert page.runs[0].attributes["WeftTestCents"] == 200
    assert page.runs[0].tenant == "t-2"


async def test_pages_go_on_behind_one_another(host: Host) -> None:
    """Each run is on one page; a cursor goes on with its own query only."""
    first = await host.list("tenant != ''", limit=3)
    assert first.cursor is not None
    second = await host.list("tenant != ''", limit=3, after=first.cursor)

    assert names(first) | names(second) == {"o-0", "o-1", "o-2", "o-3"}
    assert len(first) == 3
    with pytest.raises(CursorInvalid):
        await host.list("tenant = 'x'", after=first.cursor)


async def test_a_count_by_what_has_several_values(host: Host) -> None:
    """Runs are not counted by a list of texts."""
    with pytest.raises(QueryInvalid, match="WeftTestTags"):
        await host.count(by="WeftTestTags")
