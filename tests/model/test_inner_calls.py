"""Inside an operation only read and idempotent operations of other services are called."""

# ruff: noqa: D102 - services that are never called

import asyncio
from dataclasses import dataclass

import pytest

from tests.model.building import line_of, problem_of, problems_of
from weft import Service, compensated_by, idempotent, operation, read


class Payments(Service):
    """A service with an operation of each effect."""

    @operation(idempotent)
    async def refund(self) -> None: ...

    @operation(compensated_by(refund))
    async def charge(self) -> None: ...

    @operation(read)
    async def total(self) -> int:
        return 1


class Depends:
    """What the services of these tests are made with."""

    def __init__(self, payments: Payments) -> None:
        self.payments = payments


async def pay_for(payments: Payments) -> None:
    """Pay, in a function of the module."""
    await payments.charge()


class Straight(Depends, Service):
    """Calls it at once."""

    @operation(idempotent)
    async def confirm(self) -> None:
        await self.payments.charge()


class Renamed(Service):
    """Keeps it under another name, and calls it by a local one."""

    def __init__(self, money: Payments) -> None:
        self._bank = money

    @operation(idempotent)
    async def confirm(self) -> None:
        bank = self._bank
        await asyncio.gather(bank.charge(), bank.total())


@dataclass
class Made(Service):
    """Has its constructor made."""

    payments: Payments

    @operation(idempotent)
    async def confirm(self) -> None:
        async def later() -> None:
            await self.payments.charge()

        await later()


class Roundabout(Depends, Service):
    """Calls it through a method of its own."""

    @operation(idempotent)
    async def confirm(self) -> None:
        await self._settle()

    async def _settle(self) -> None:
        await self.payments.charge()


class Handed(Depends, Service):
    """Hands it to a function."""

    @operation(idempotent)
    async def confirm(self) -> None:
        await pay_for(self.payments)


@pytest.mark.parametrize("service", [Straight, Renamed, Made, Roundabout, Handed], ids=lambda each: each.__name__)
def test_effect_of_another_service_is_found(service: type[Service]) -> None:
    """However the operation comes to it, the call is named with its line."""
    problem = problem_of(Payments, service)

    assert f"operation {service.__name__}.confirm calls Payments.charge, which is compensated" in problem.what
    assert ".charge()" in line_of(problem)


def test_way_to_the_call_is_told() -> None:
    """A call in another function says how the operation leads there."""
    problem = problem_of(Payments, Roundabout)

    assert problem.what.endswith("(Roundabout.confirm -> _settle)")


def test_reads_and_idempotent_operations_are_fine() -> None:
    """They may be repeated, so nothing has to undo them."""

    class Books(Depends, Service):
        @operation(idempotent)
        async def confirm(self) -> None:
            await self.payments.total()
            await self.payments.refund()

    assert not problems_of(Payments, Books)


def test_own_methods_are_no_calls() -> None:
    """A service may use its own operations as the methods that they are."""

    class Books(Service):
        @operation(idempotent)
        async def undo(self) -> None: ...

        @operation(compensated_by(undo))
        async def enter(self) -> None: ...

        @operation(compensated_by(undo))
        async def enter_all(self) -> None:
            await self.enter()

    assert not problems_of(Books, Payments)
