"""The outbox of a database: what is posted leaves once, in order, and only where its transaction was committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.bank import Bank, TooPoor, bank_tables, call, deliver
from tests.data.conftest import Fresh
from tests.host.bank import RunsNotebook
from tests.host.desk import Line, log, office
from weft.data import Database
from weft.errors import RunClosed, StoreFailed, TransactionMisused
from weft.flow.posting import Relay
from weft.flow.runs import Run, Runs

runs = Runs(office, RunsNotebook())


def line_of(number: int) -> Run[tuple[str, ...]]:
    """Return a run to tell."""
    return runs.find(log, f"l-{number}")


@dataclass
class Told(RunsNotebook):
    """An engine that keeps what it is told by message id; away for some requests, and closed to one run."""

    by_run: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    away: int = 0
    dies: int = 0
    asked_for: int = 0

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Take a message, once for its id."""
        del workflow, kind
        self.asked_for += 1
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise StoreFailed("the engine is away")
        if run_id == "closed":
            raise RunClosed("it has ended")
        self.by_run.setdefault(run_id, {}).setdefault(message_id, data)
        if self.dies:
            self.dies -= 1
            raise StoreFailed("the engine died after it was on its disk")

    def texts(self, number: int) -> list[str]:
        """Return the lines that a run was told, in order."""
        return [data.decode()[9:-2] for data in self.by_run.get(f"l-{number}", {}).values()]


@asynccontextmanager
async def relaying(db: Database, engine: Told, name: str = "") -> AsyncIterator[Relay]:
    """Relay while the block lasts, and let all leave before it ends."""
    relay = db.relay(engine, lambda: name)
    relay.start()
    try:
        yield relay
        while True:
            if all(row.state != "waiting" for row in await db.outbox_rows()):
                break
            relay.look()  # an engine that was away is back
            await asyncio.sleep(0)  # what a file answers at once gives nobody else a turn
    finally:
        await relay.close()


async def post(db: Database, *lines: tuple[int, str]) -> None:
    """Post lines in a transaction of their own."""
    async with db.transaction() as tx:
        for number, text in lines:
            await tx.send(line_of(number), Line(text))


async def test_engine_that_is_away(db: Database) -> None:
    """What cannot leave now waits, and leaves in order once the engine is there."""
    engine = Told(away=3)
    async with relaying(db, engine):
        await post(db, (1, "a"), (1, "b"), (1, "c"))

    assert engine.texts(1) == ["a", "b", "c"]


async def test_engine_that_dies_after_its_commit(db: Database) -> None:
    """A request whose answer was lost is made again under its id: the engine has it once."""
    engine = Told(dies=2)
    async with relaying(db, engine):
        await post(db, (1, "a"), (1, "b"))

    assert engine.texts(1) == ["a", "b"]
    assert engine.asked_for == 4


async def test_refused_request_keeps_nobody_waiting(db: Database) -> None:
    """A message to a run that has ended stays as refused, with its reason; what came after it leaves."""
    engine = Told()
    async with relaying(db, engine), db.transaction() as tx:
        await tx.send(runs.find(log, "closed"), Line("late"))
        await tx.send(line_of(1), Line("a"))

    [row] = await db.outbox_rows()
    assert (row.run, row.state, row.reason) == ("log/closed", "refused", "RunClosed: it has ended")
    assert engine.texts(1) == ["a"]


async def test_request_for_another_engine(db: Database) -> None:
    """What was posted for one engine is not given to another."""
    one, other = Told(), Told()
    relay = db.relay(one, lambda: "one")
    await post(db, (1, "a"))
    await relay.close()

    other_relay = db.relay(other, lambda: "other")
    other_relay.start()
    await post(db, (2, "b"))
    while True:
        if "log/l-2" not in [row.run for row in await db.outbox_rows()]:
            break
        await asyncio.sleep(0)
    await other_relay.close()

    assert (one.by_run, other.texts(1)) == ({}, [])
    assert "log/l-1" in [row.run for row in await db.outbox_rows()]


async def test_two_relays_at_once(url: str, db: Database) -> None:
    """Two hosts that relay from one database keep the order of each run, and the engine has each line once."""
    engine = Told()
    async with Database.open(url) as second, relaying(db, engine), relaying(second, engine):
        for batch in range(6):
            await post(db, *((number, f"{batch}-{number}") for number in range(5)))

    assert [engine.texts(number) for number in range(5)] == [
        [f"{batch}-{number}" for batch in range(6)] for number in range(5)
    ]


async def test_post_where_it_cannot_be_committed(db: Database) -> None:
    """Nothing is posted in a block that only reads, nor after a block."""
    async with db.transaction(read_only=True) as tx:
        with pytest.raises(TransactionMisused, match="only reads"):
            await tx.send(line_of(1), Line("a"))
    with pytest.raises(TransactionMisused, match="outside the block"):
        await tx.send(line_of(1), Line("a"))


@dataclass(frozen=True)
class Step:
    """A call that posts lines to some runs, and how it ends."""

    call_id: int
    targets: tuple[int, ...]
    ending: str


steps = st.lists(
    st.builds(
        Step,
        call_id=st.integers(0, 4),
        targets=st.lists(st.integers(0, 2), max_size=4).map(tuple),
        ending=st.sampled_from(["commits", "declines", "rolls back"]),
    ),
    max_size=10,
)


class Failed(Exception):
    """The body fails."""


async def carry_out(bank: Bank, step: Step, number: int) -> None:
    """Post the lines of a step, and end as it says."""
    async with bank.db.transaction() as tx:
        for place, target in enumerate(step.targets):
            await tx.send(line_of(target), Line(f"{number}.{place}"))
        if step.ending == "declines":
            raise TooPoor("ada")
        if step.ending == "rolls back":
            raise Failed


@settings(
    max_examples=settings().max_examples // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=steps, away=st.integers(0, 3), dies=st.integers(0, 3))
def test_any_plan(fresh: Fresh, plan: list[Step], away: int, dies: int) -> None:
    """Each run is told the lines of the calls that committed first under their ids, in order, each once."""
    expected: dict[int, list[str]] = {0: [], 1: [], 2: []}
    settled: set[int] = set()

    async def story() -> None:
        engine = Told(away=away, dies=dies)
        with fresh() as url:
            async with Database.open(url, tables=bank_tables) as db, relaying(db, engine):
                for number, step in enumerate(plan):
                    body: Callable[[], Awaitable[None]] = partial(carry_out, Bank(db), step, number)
                    with suppress(Failed):
                        await deliver(call(f"c-{step.call_id}"), body)
                    if step.call_id not in settled and step.ending == "commits":
                        for place, target in enumerate(step.targets):
                            expected[target].append(f"{number}.{place}")
                    if step.ending != "rolls back":
                        settled.add(step.call_id)
        assert {number: engine.texts(number) for number in range(3)} == expected

    asyncio.run(story())
