"""Operations are declared with an effect, sent by name and type, and refuse with classes that travel."""

# ruff: noqa: ARG002, ANN001, ANN202 - services that are wrong on purpose

import sys
from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.model.building import line_of, problem_of, problems_of
from weft import Declined, Service, idempotent, irreversible, operation, read
from weft.model.effect import compensated_by


@dataclass(frozen=True)
class Basket:
    """A value with a part that cannot travel."""

    tags: set[str]


class Secret(Declined):
    """A refusal with a field that cannot travel."""

    why: complex


class Crowded(Declined):
    """A refusal with a field that exceptions have."""

    args: int  # type: ignore[assignment]


class OutOfStock(Declined):
    """A refusal."""


Elsewhere = type("OutOfStock", (Declined,), {})


def test_operation_without_effect_names_the_four() -> None:
    """There is no default effect: the error says which four there are."""
    for misuse in (lambda: operation(print), operation, lambda: operation("read")):
        with pytest.raises(TypeError) as caught:
            misuse()

        assert all(word in str(caught.value) for word in ("read", "idempotent", "compensated_by", "irreversible"))


def test_undo_is_the_function_itself() -> None:
    """A name in place of the undo is refused where it is written."""
    with pytest.raises(TypeError, match="the undo itself"):
        compensated_by("release")  # type: ignore[arg-type]


def test_public_async_method_needs_an_effect() -> None:
    """Callers see a public method, so it is declared; one with an underscore is the service's own."""

    class Stock(Service):
        async def count(self) -> int:
            return await self._sum()

        async def _sum(self) -> int:
            return 1

    problem = problem_of(Stock)

    assert "Stock.count is public and async, but declares no effect" in problem.what
    assert line_of(problem) == "async def count(self) -> int:"


def test_operation_is_async() -> None:
    """A plain function, a generator and a static method are told apart from an operation."""

    class Stock(Service):
        @operation(read)
        def plain(self) -> int:
            return 1

        @operation(read)
        async def stream(self) -> AsyncIterator[int]:
            yield 1

        @operation(read)
        @staticmethod
        async def static() -> int:
            return 1

    whats = [each.what for each in problems_of(Stock)]

    assert "operation Stock.plain is not async" in whats
    assert "operation Stock.stream is an async generator" in whats
    assert "operation Stock.static is a staticmethod" in whats


def test_parameters_travel_by_name_and_type() -> None:
    """What has no name or no type cannot be sent; each such parameter is a problem of its own."""

    class Stock(Service):
        @operation(read)
        async def find(self, sku, /, *more: int, **rest: int) -> int:
            return 1

        @operation(read)
        async def count(self, sku):
            return 1

    whats = "\n".join(each.what for each in problems_of(Stock))

    for part in ("`sku`, which is positional-only", "`*more: int`, which is variadic", "`**rest: int`"):
        assert part in whats
    assert "parameter `sku` of operation Stock.count has no type" in whats
    assert "operation Stock.count does not say what it returns" in whats


def test_values_that_cannot_travel_are_named_with_their_path() -> None:
    """A parameter, a result and a default are named down to the part that is wrong."""

    class Stock(Service):
        @operation(read)
        async def find(self, basket: Basket, rate: float = float("nan")) -> tuple[complex, ...]:
            return ()

    whats = [each.what for each in problems_of(Stock)]

    assert any("Stock.find: basket.tags" in what for what in whats)
    assert any("Stock.find: rate" in what and "finite" in what for what in whats)
    assert any("result of operation Stock.find" in what for what in whats)


@pytest.mark.parametrize(
    ("raises", "what"),
    [
        (ValueError, "raises ValueError, which is no subclass of Declined"),
        (Declined, "raises Declined, which is no subclass of Declined"),
        ((OutOfStock, Elsewhere), "two refusals named OutOfStock"),
        (Secret, "Secret.why"),
        (Crowded, "field `args`, which every exception has already"),
    ],
)
def test_refusals_travel_under_names_of_their_own(raises: type[Declined], what: str) -> None:
    """A refusal is a subclass of Declined, alone under its name, with fields that travel."""

    class Stock(Service):
        @operation(idempotent, raises=raises)
        async def take(self) -> None: ...

    assert what in problem_of(Stock).what


def test_durations_are_positive() -> None:
    """A timeout of nothing would fail every call."""

    class Stock(Service):
        @operation(irreversible, timeout=timedelta(0), give_up_after=timedelta(days=-1))
        async def take(self) -> None: ...

    whats = [each.what for each in problems_of(Stock)]

    assert len(whats) == 2
    assert "timeout=" in whats[0]
    assert "give_up_after=" in whats[1]


def test_abstract_contract_is_no_service() -> None:
    """The System takes what implements a contract, not the contract."""

    class Stock(Service):
        @operation(read)
        @abstractmethod
        async def count(self) -> int: ...

    class SqlStock(Stock):
        async def count(self) -> int:
            return 1

    assert "Stock.count is abstract" in problem_of(Stock).what
    assert not problems_of(SqlStock)


def test_unresolved_annotation_is_a_problem_not_a_crash() -> None:
    """A name that exists for type checkers only is reported with its place."""

    class Stock(Service):
        @operation(read)
        async def count(self, sku: "Sku") -> int:  # type: ignore[name-defined]  # noqa: F821
            return 1

    assert "name 'Sku' is not defined" in problem_of(Stock).what


@pytest.mark.skipif(sys.version_info < (3, 14), reason="older Pythons look at annotations at once")
def test_annotation_that_is_looked_at_late_is_a_problem_too() -> None:
    """What Python puts off until somebody asks is asked when the System is built."""

    class Stock(Service):
        @operation(read)
        async def count(self, sku: Sku) -> int:  # type: ignore[name-defined]  # noqa: F821
            return 1

    class Shelf(Service):
        def __init__(self, sku: Sku) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert ["name 'Sku' is not defined" in each.what for each in problems_of(Stock, Shelf)] == [True, True]
