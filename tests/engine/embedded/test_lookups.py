"""Runs that are to be started are looked up together, and found as they are."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.embedded.mill import Mill
from weft import workflow
from weft.engine.embedded.lookups import Lookups
from weft.engine.embedded.rows import RunRow
from weft.errors import RunExists


@workflow
async def echo(value: str) -> str:
    """Return the input."""
    return value


class Shelves:
    """One run, `echo/1`, and how often it was looked for."""

    def __init__(self) -> None:
        self.row = RunRow(1, "echo", "1", "chain", 0, 0, "", 4, 0, None, 0, "", b"")
        self.asked = 0

    def find(self, workflow: str, run_id: str) -> RunRow | None:
        """Return one run."""
        self.asked += 1
        return self.row if (workflow, run_id) == ("echo", "1") else None

    def find_all(self, names: list[tuple[str, str]]) -> dict[tuple[str, str], RunRow]:
        """Return those that there are."""
        self.asked += 1
        return {("echo", "1"): self.row} if ("echo", "1") in names else {}


def test_all_that_is_expected_is_asked_for_at_once() -> None:
    """However many runs one turn starts, the store is asked once, and says which of them there are."""
    shelves, lookups = Shelves(), Lookups()
    for number in range(100):
        lookups.expect("echo", str(number))

    found = [lookups.find(shelves, "echo", str(number)) for number in range(100)]

    assert [row is not None for row in found] == [number == 1 for number in range(100)]
    assert shelves.asked == 1


def test_who_was_not_expected_is_looked_up_alone() -> None:
    """The same name twice in a turn, or one that nobody announced, is answered by the store."""
    shelves, lookups = Shelves(), Lookups()
    lookups.expect("echo", "1")

    found = [lookups.find(shelves, "echo", name) for name in ("1", "1", "2")]

    assert found == [shelves.row, shelves.row, None]


async def test_runs_started_in_one_turn_meet_those_that_have_ended(tmp_path: Path) -> None:
    """Of many starts at once, those of ended runs find them, those with another input are refused, the rest begin."""
    async with Mill(tmp_path, echo) as mill:
        for name in ("a", "b"):
            await (await mill.host.start(echo, name, id=name)).result()

        starts = (mill.host.start(echo, name, id=run_id) for name, run_id in (("a", "a"), ("x", "b"), ("c", "c")))
        same, other, new = await asyncio.gather(*starts, return_exceptions=True)

        assert isinstance(other, RunExists)
        assert [await run.result() for run in (same, new) if not isinstance(run, BaseException)] == ["a", "c"]


@pytest.mark.parametrize("count", [1, 2, 300])
async def test_a_name_that_is_started_twice_in_one_turn_begins_once(tmp_path: Path, count: int) -> None:
    """The same start many times in one turn is one run."""
    async with Mill(tmp_path, echo) as mill:
        runs = await asyncio.gather(*(mill.host.start(echo, "x", id="1") for _ in range(count)))

        assert [await run.result() for run in runs] == ["x"] * count
        assert len(await mill.host.engine.list()) == 1
