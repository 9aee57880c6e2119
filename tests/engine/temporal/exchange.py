"""A System that works together with programs of Temporal's own SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from weft.errors import RunFailed
from weft.flow.runs import Runs
from weft.model.effect import idempotent, read
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import workflow


@dataclass(frozen=True)
class Wish:
    """Money that somebody wants to have in another currency."""

    amount: float
    currency: str


class NoRate(Declined):
    """There is no rate for a currency."""

    currency: str


def _elsewhere() -> NoReturn:
    message = "a program of Temporal's own SDK carries this out"
    raise AssertionError(message)


class Rates(Service):
    """A contract that another program keeps, on a task queue of its own."""

    @operation(read, raises=NoRate)
    async def rate(self, currency: str) -> float:
        """Return the rate of a currency."""
        del currency
        _elsewhere()


class Till(Service):
    """Counts."""

    @operation(idempotent)
    async def double(self, amount: float) -> float:
        """Return twice as much."""
        return 2 * amount


@workflow
async def convert(wish: Wish, *, rates: Rates, till: Till) -> float:
    """Return twice the amount in the currency; nothing where there is no rate."""
    try:
        return await till.double(wish.amount) * await rates.rate(wish.currency)
    except NoRate:
        return 0.0


@workflow
async def audit(wish: Wish) -> str:
    """Name a workflow that another program keeps."""
    del wish
    _elsewhere()


@workflow
async def audited(wish: Wish, *, runs: Runs) -> str:
    """Let another program's workflow look at a wish."""
    try:
        return await runs.run(audit, wish, id=f"{wish.amount:.0f}-{wish.currency}")
    except RunFailed as failed:
        return f"failed: {failed.kind}"


exchange = System("exchange", services=[Rates, Till], workflows=[convert, audit, audited])
