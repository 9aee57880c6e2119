"""Dependencies can be given, promises of exactly once have a store behind them, and no circle has a first."""

# ruff: noqa: D102 - services that are never called

from abc import abstractmethod
from typing import Any, ClassVar

import pytest

from tests.model.building import problem_of, problems_of
from weft import Runs, Service, System, operation, read, workflow
from weft.clock import Clock, SystemClock


class Database:
    """What a store that remembers calls looks like to the model."""

    __weft_exactly_once_store__: ClassVar[bool] = True


class Ledger(Service):
    """A service of its own."""


class Bank(Service):
    """A contract."""

    @operation(read)
    @abstractmethod
    async def balance(self) -> int: ...


class SqlBank(Bank, name="sql"):
    """One way to carry it out."""

    async def balance(self) -> int:
        return 1


class FileBank(Bank, name="file"):
    """Another way to carry it out."""

    async def balance(self) -> int:
        return 2


def test_dependency_is_named_by_its_contract() -> None:
    """Whoever depends on a contract gets the implementation that is in the System."""

    class Teller(Service):
        def __init__(self, bank: Bank, runs: Runs) -> None: ...

    @workflow
    async def pay(amount: int, *, bank: Bank, runs: Runs) -> None: ...

    system = System("shop", services=[Teller, SqlBank], workflows=[pay])

    assert system.service_for(Bank) is system.services["sql"]
    assert system.resources() == {}


def test_resources_are_what_providers_must_give() -> None:
    """Every other class is a resource; one with a default may be left out."""

    class Teller(Service):
        def __init__(self, db: Database, ledger: Ledger, clock: Clock = SystemClock()) -> None: ...  # noqa: B008

    system = System("shop", services=[Teller, Ledger])

    assert system.resources() == {"Teller": {"db": Database}}
    assert dict(system.services["Teller"].dependencies) == {"db": Database, "ledger": Ledger, "clock": Clock}


@pytest.mark.parametrize(
    ("services", "what"),
    [
        ([], "depends on `bank: Bank`, which is not part of the System"),
        ([SqlBank, FileBank], "depends on `bank: Bank`, which has 2 implementations: SqlBank, FileBank"),
    ],
)
def test_dependency_on_a_service_has_one_implementation(services: list[type[Service]], what: str) -> None:
    """A service that is missing, or of which there are two, cannot be given."""

    class Teller(Service):
        def __init__(self, bank: Bank) -> None: ...

    assert what in problem_of(Teller, *services).what


@pytest.mark.parametrize("hint", [Any, None, Database | None, "Database"])
def test_dependency_is_a_class(hint: object) -> None:
    """What is no class has no provider."""

    class Teller(Service):
        def __init__(self, db: object) -> None: ...

    Teller.__init__.__annotations__["db"] = hint

    found = problems_of(Teller)

    assert [each.what for each in found if "which is no class" in each.what] or hint == "Database"


def test_constructor_is_called_by_name() -> None:
    """A parameter without a type or a name cannot be given."""

    class Teller(Service):
        def __init__(self, db, *more: int) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    whats = [each.what for each in problems_of(Teller)]

    assert "parameter `db` of the constructor of Teller has no type" in whats
    assert any("`*more: int`" in what for what in whats)


def test_workflow_takes_services_and_runs_only() -> None:
    """A resource in a workflow would answer otherwise in a replay."""

    @workflow
    async def pay(amount: int, *, db: Database, bank: Bank) -> None: ...

    whats = [each.what for each in problems_of(workflows=[pay])]

    assert whats == [
        "workflow pay takes `db: Database`, which is neither a service nor Runs",
        "workflow pay depends on `bank: Bank`, which is not part of the System",
    ]


def test_exactly_once_needs_a_store_that_remembers() -> None:
    """The promise is checked against the constructor of the implementation."""

    class Payments(Service, exactly_once=True):
        @operation(read)
        async def total(self) -> int:
            return 1

    class SqlPayments(Payments):
        def __init__(self, db: Database) -> None: ...

    class Forgetful(Payments, exactly_once=False):
        def __init__(self, db: Database) -> None: ...

    assert "has no store that remembers calls" in problem_of(Payments).what
    assert "its contract Payments exactly_once=True" in problem_of(Forgetful).what
    assert not problems_of(SqlPayments)


def test_circle_is_shown_once() -> None:
    """Services that need one another cannot be made; the way round is named."""

    class One(Service):
        def __init__(self, other: Service) -> None: ...

    class Two(Service):
        def __init__(self, other: One) -> None: ...

    class Three(Service):
        def __init__(self, other: Two) -> None: ...

    One.__init__.__annotations__["other"] = Three

    assert problem_of(One, Two, Three).what == (
        "services depend on one another in a circle: One -> Three -> Two -> One"
    )


def test_what_is_listed_is_a_service_or_a_workflow() -> None:
    """Instances, plain functions and repetitions are told at the System's own line."""

    async def loose(amount: int) -> None: ...

    whats = [each.what for each in problems_of(Ledger, Ledger, Ledger(), workflows=[loose])]  # type: ignore[arg-type, list-item]

    assert "is listed twice" in whats[0]
    assert "is given as a service, but is no subclass of Service" in whats[1]
    assert whats[2] == "loose is given as a workflow, but is none"
