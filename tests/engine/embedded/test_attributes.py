"""Attributes: what a run is started with or sets, it is found by, from the commit on that made it so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from weft.errors import AttributeInvalid, OutsideRun
from weft.flow.attribute import Attribute
from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.model.message import Signal
from weft.model.system import System
from weft.model.workflow import workflow
from weft.testing.world import World


class Stage(Enum):
    """How far an order has come."""

    PICKED = "picked"
    SENT = "sent"


class Turn(Signal):
    """Continue as new."""


region = Attribute("region", str)
stage = Attribute("stage", Stage)
cents = Attribute("cents", int)
weight = Attribute("weight", float)
rush = Attribute("rush", bool)
due = Attribute("due", datetime)
tags = Attribute("tags", tuple[str, ...])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@workflow
async def order(number: int) -> int:
    """Pass through its stages, a minute each."""
    for each in Stage:
        stage.set(each)
        cents.set(number)
        cents.set(number * 10)
        await asyncio.sleep(60)
    tags.clear()
    return number


@workflow
async def years(generation: int) -> None:
    """Keep what the first generation set."""
    if not generation:
        region.set("eu")
    await receive(Turn)
    continue_as_new(generation + 1)


@workflow
async def parent(number: int, *, runs: Runs) -> int:
    """Start an order that is found by its region."""
    return await runs.run(order, number, id=f"child-{number}", attributes=[region.of("moon")])


shop = System("shop", workflows=[order, years, parent])
ALL = [region.of("eu"), weight.of(1), rush.of(value=True), due.of(NOON), tags.of(("b", "a", "b"))]


async def attributes_of(world: World, query: str) -> list[dict[str, object]]:
    """Return the attributes of all runs that a query finds."""
    return [dict(view.attributes) for view in await world.host.list(query)]


async def test_run_is_found_by_what_it_was_started_with() -> None:
    """Every type of attribute finds the run it was given to, and is shown as it was given."""
    async with World(shop) as world:
        await world.start(order, 1, id="o-1", attributes=ALL)
        await world.start(order, 2, id="o-2")

        whole = "region = 'eu' and weight >= 1 and rush = true and due = '2026-03-01T13:00:00+01:00' and tags = 'a'"
        found = await attributes_of(world, whole)

    shown = {"region": "eu", "weight": 1.0, "rush": True, "due": "2026-03-01T12:00:00+00:00", "tags": ["a", "b"]}
    assert found == [{**shown, "stage": "picked", "cents": 10}]


async def test_run_is_found_by_what_it_sets() -> None:
    """A value that a run sets takes the place of the one before, and a cleared one is gone."""
    async with World(shop) as world:
        run = await world.start(order, 1, id="o-1", attributes=[tags.of(("a",))])
        await world.settle()
        picked = await attributes_of(world, "stage = 'picked' and cents between 1 and 100")
        await world.advance(timedelta(minutes=3))
        sent = await attributes_of(world, "stage = 'sent' and tags is null")
        story = await world.story(run)

    assert picked == [{"stage": "picked", "cents": 10, "tags": ["a"]}]
    assert sent == [{"stage": "sent", "cents": 10}]
    said = [row.what for row in story.rows if row.kind == "attribute"]
    assert said[:2] == ['tags = ["a"]', 'stage = "picked"']
    assert said[-1] == "tags has no value any more"


@pytest.mark.parametrize("crash", range(1, 5))
async def test_attribute_is_on_disk_with_its_step(crash: int) -> None:
    """A crash after any commit leaves the attributes of the steps before it, and the run goes on from them."""
    async with World(shop) as world:
        world.crashes = lambda commit: commit == crash
        run = await world.start(order, 1, id="o-1", attributes=[tags.of(("a",))])
        await world.advance(timedelta(seconds=59))
        halfway = await attributes_of(world, "id = 'o-1'")
        await world.advance(timedelta(minutes=3))

        assert await run.result() == 1
        assert halfway == [{"stage": "picked", "cents": 10, "tags": ["a"]}]
        assert await attributes_of(world, "id = 'o-1'") == [{"stage": "sent", "cents": 10}]


async def test_attributes_outlive_generations() -> None:
    """A run that continues as new is found by what an earlier generation set."""
    async with World(shop) as world:
        run = await world.start(years, 0, id="y")
        for _ in range(3):
            await run.send(Turn())
            await world.settle()
        await world.restart()

        views = (await world.host.list("region = 'eu' and generation = 3")).runs

    assert [view.id for view in views] == ["y"]


async def test_child_has_attributes_of_its_own() -> None:
    """A workflow starts a child with attributes, and the parent has none of them."""
    async with World(shop) as world:
        await world.start(parent, 7, id="p", attributes=[region.of("earth")])
        await world.settle()

        assert await attributes_of(world, "workflow = 'order'") == [{"region": "moon", "stage": "picked", "cents": 70}]
        assert await attributes_of(world, "region = 'earth'") == [{"region": "earth"}]


async def test_attribute_of_another_type_is_another_one() -> None:
    """Once the type of an attribute has changed, queries mean the new one, and a run keeps what it has."""
    renewed = Attribute("region", int)
    async with World(shop) as world:
        await world.start(order, 1, id="old", attributes=[region.of("eu")])
        await world.start(order, 1, id="new", attributes=[renewed.of(49)])

        assert [view.id for view in await world.host.list("region = 49")] == ["new"]
        assert [view.attributes["region"] for view in await world.host.list("id in ('old', 'new')")] == [49, "eu"]


WRONG: list[tuple[Attribute[Any], object]] = [
    (region, 7),
    (region, "e" * 256),
    (region, "half \ud800"),
    (region, "nul \0"),
    (stage, "picked"),
    (cents, 2**63),
    (cents, True),
    (cents, 1.0),
    (weight, float("nan")),
    (rush, 1),
    (due, datetime(2026, 3, 1)),  # noqa: DTZ001 - that it is refused
    (tags, ["a"]),
    (tags, ("a", 1)),
    (tags, tuple(str(each) for each in range(101))),
]


@pytest.mark.parametrize(("attribute", "value"), WRONG)
def test_wrong_value_is_refused(attribute: Attribute[Any], value: object) -> None:
    """What is not of the declared type, or could not be found again exactly, is no value."""
    with pytest.raises(AttributeInvalid, match=attribute.name):
        attribute.of(value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("status", str), ("Created", str), ("", str), ("a`b", str), ("x" * 256, str), ("price", Decimal), ("x", set[str])],
)
def test_wrong_declaration_is_refused(name: str, kind: Any) -> None:
    """A name that every run has already, or a type that Temporal has no kind for, is no attribute."""
    with pytest.raises(AttributeInvalid):
        Attribute(name, kind)


async def test_start_with_wrong_attributes_is_refused() -> None:
    """A run is started with each attribute once."""
    async with World(shop) as world:
        with pytest.raises(AttributeInvalid, match="twice"):
            await world.start(order, 1, id="o", attributes=[cents.of(1), cents.of(2)])


def test_attribute_is_set_inside_a_run_only() -> None:
    """Outside of runs there is nothing to set an attribute of."""
    with pytest.raises(OutsideRun):
        region.set("eu")


def test_time_zone_makes_no_difference() -> None:
    """The same moment is the same value, whatever the zone it is written in."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))

    assert due.of(NOON) == due.of(elsewhere)
