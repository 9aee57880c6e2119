"""A small bank: services that reply, refuse, break, wait and call one another, with nothing but memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from weft.clock import Clock
from weft.flow.ambient import AlreadySettled, current_call
from weft.flow.runs import Runs
from weft.model.call import NOBODY, Behalf, Call, Outcome, Reply
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System


class TooPoor(Declined):
    """The account does not hold that much."""

    missing: int


class NotToday(Declined):
    """A refusal that no operation declares."""


class Rates(Service, name="rates"):
    """What money costs."""

    @operation(read)
    async def rate(self, currency: str) -> int:
        """Return the rate of a currency."""
        if currency == "none":
            raise KeyError(currency)
        return len(currency)

    @operation(idempotent)
    async def follow(self, currency: str) -> None:
        """Take note of a currency."""


class Accounts(Service, name="accounts"):
    """Who has how much."""

    def __init__(self, rates: Rates, clock: Clock, runs: Runs) -> None:
        self.rates = rates
        self.clock = clock
        self.runs = runs
        self.balances: dict[str, int] = {}
        self.seen: list[Call] = []
        self.cancelled = 0

    @operation(idempotent)
    async def deposit(self, account: str, amount: int) -> int:
        """Put money in."""
        around = current_call.get()
        assert around is not None, "an operation has a call around it"
        self.seen.append(around.call)
        self.balances[account] = self.balances.get(account, 0) + amount
        return self.balances[account]

    @operation(idempotent)
    async def put_back(self, account: str, amount: int) -> None:
        """Undo a withdrawal."""
        self.balances[account] += amount

    @operation(compensated_by(put_back), raises=TooPoor)
    async def withdraw(self, account: str, amount: int) -> None:
        """Take money out."""
        missing = amount - self.balances.get(account, 0)
        if missing > 0:
            raise TooPoor(missing)
        self.balances[account] -= amount

    @operation(read)
    async def value(self, account: str, currency: str) -> int:
        """Ask another service and compute."""
        return self.balances[account] * await self.rates.rate(currency)

    @operation(idempotent)
    async def wait(self, seconds: int) -> str:
        """Wait on the clock."""
        try:
            await self.clock.sleep(timedelta(seconds=seconds))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "done"

    @operation(irreversible)
    async def lose_patience(self) -> None:
        """Refuse with something that is not declared."""
        raise NotToday

    @operation(idempotent)
    async def repeat(self, stored: str) -> str:
        """Leave like a transaction that knows the call already."""
        raise AlreadySettled(Reply(f'"{stored}"'.encode()))

    @operation(idempotent)
    async def repeat_in_group(self, stored: str) -> None:
        """Leave like that, from a task of a group."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.repeat(stored))


bank = System("bank", services=[Accounts, Rates])


class RunsNotebook:
    """Stand behind `Runs` where runs are asked for and none is needed: writes down what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def start(self, workflow: str, run_id: str, data: bytes, *, behalf: Behalf = NOBODY) -> None:
        """Note a start."""
        del behalf
        self.asked.append(("start", workflow, run_id, data))

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Note a wait and return nothing."""
        self.asked.append(("result", workflow, run_id))
        return b"null"

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Note a message."""
        self.asked.append(("send", workflow, run_id, kind, data, message_id))

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Note a look and return nothing."""
        self.asked.append(("read", workflow, run_id, state))

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Note a cancellation."""
        self.asked.append(("cancel", workflow, run_id, reason))


class Vault:
    """A participant: what the data room is to a call, with every step written down."""

    def __init__(self, failure: Exception | None = None, *, patient: bool = False) -> None:
        self.steps: list[object] = []
        self.failure = failure
        self.patient = patient

    def join(self) -> None:
        """Join the current call."""
        around = current_call.get()
        assert around is not None, "a transaction joins a call"
        around.participant = self

    async def finish(self, outcome: Outcome) -> None:
        """Commit; a patient one passes a cancellation over, as it should."""
        with suppress(*([asyncio.CancelledError] if self.patient else [])):
            await asyncio.sleep(0)
        self.steps.append(outcome)
        if self.failure is not None:
            raise self.failure

    async def abandon(self) -> None:
        """Roll back."""
        self.steps.append("abandoned")
