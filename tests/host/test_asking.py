"""A host lists and counts its runs, and its loop has turns meanwhile."""

from pathlib import Path

import pytest

from weft.errors import CursorInvalid, QueryInvalid
from weft.host.host import Host
from weft.model.run import RunStatus
from weft.model.system import System
from weft.model.workflow import workflow


@workflow
async def work(number: int) -> int:
    """Fail for odd numbers."""
    if number % 2:
        raise ValueError(number)
    return number


mill = System("mill", workflows=[work])


async def test_host_lists_page_by_page(tmp_path: Path) -> None:
    """Pages of a query follow one another by their cursors, each run once, while new ones begin."""
    seen: list[str] = []
    cursor: str | None = ""
    async with Host(mill, engine=f"sqlite:///{tmp_path}/mill.db") as host:
        for number in range(7):
            run = await host.start(work, number * 2, id=str(number), tenant="acme")
            await run.result()

        while cursor is not None:
            page = await host.list("tenant = 'acme' and status = 'completed'", limit=3, after=cursor)
            seen += [view.id for view in page]
            cursor = page.cursor
            await (await host.start(work, 100, id=f"new-{len(seen)}", tenant="acme")).result()

    assert seen == [str(number) for number in reversed(range(7))]


async def test_host_counts(tmp_path: Path) -> None:
    """A count is a number, or a number for each value of a field."""
    async with Host(mill, engine=f"sqlite:///{tmp_path}/mill.db") as host:
        for number in range(5):
            await host.start(work, number, id=str(number), tenant="acme" if number else "")
        await host.find(work, "4").result()

        by_tenant = await host.count(by="tenant")
        failed = await host.count("status = 'failed' and ended > -1h")
        page = await host.list("order by ended asc", limit=1)

    assert by_tenant == {"": 1, "acme": 4}
    assert failed == 2
    assert page.runs[0].status in {RunStatus.COMPLETED, RunStatus.FAILED}


async def test_host_tells_what_it_cannot_read(tmp_path: Path) -> None:
    """A wrong query and a cursor of another query are told as such."""
    async with Host(mill, engine=f"sqlite:///{tmp_path}/mill.db") as host:
        for number in range(2):
            await (await host.start(work, number * 2, id=str(number))).result()
        page = await host.list(limit=1)

        with pytest.raises(QueryInvalid, match="no field 'stauts'"):
            await host.list("stauts = 'failed'")
        with pytest.raises(QueryInvalid, match="counted by 'created'"):
            await host.count(by="created")
        with pytest.raises(CursorInvalid, match="another query"):
            await host.list("status = 'failed'", after=page.cursor or "")
