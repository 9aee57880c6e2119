"""Operations of one service keep what they promise one another: undos, status queries, contracts."""

# ruff: noqa: ARG002 - services that are never called

import inspect
from inspect import Parameter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.building import line_of, problem_of, problems_of
from weft import Declined, Service, compensated_by, idempotent, irreversible, operation, read

Shape = list[tuple[str, Any, Any]]
SHAPES: st.SearchStrategy[Shape] = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([int, float, bool]), st.sampled_from([0, 1, True])),
    max_size=3,
    unique_by=lambda each: each[0],
)


class Refused(Declined):
    """A refusal."""


def method_of(shape: Shape) -> Any:
    """Make an async method with the parameters."""

    async def method(self: object) -> None: ...

    own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    listed = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=kind(value)) for name, kind, value in shape
    ]
    method.__signature__ = inspect.Signature([own, *listed], return_annotation=None)  # type: ignore[attr-defined]
    method.__annotations__ = {name: kind for name, kind, _ in shape} | {"return": None}
    return method


@given(SHAPES, SHAPES)
def test_undo_takes_exactly_the_parameters_of_its_operation(one: Shape, other: Shape) -> None:
    """Names, order, types and defaults are all the same, or there is a problem; the undo gets the same bytes."""
    undo = operation(idempotent)(method_of(other))
    undo.__name__ = "release"
    members = {"release": undo, "reserve": operation(compensated_by(undo))(method_of(one))}
    stock = type("Stock", (Service,), members)

    found = [each.what for each in problems_of(stock)]

    same = [(name, kind, kind(value)) for name, kind, value in one] == [(n, k, k(v)) for n, k, v in other]
    assert bool(found) is not same
    assert same or "take different parameters" in found[0]


def test_undo_belongs_to_the_same_service() -> None:
    """The undo of another class would be sent to nobody."""

    class Other(Service):
        @operation(idempotent)
        async def release(self) -> None: ...

    async def loose(self: object) -> None: ...

    class Stock(Service):
        @operation(compensated_by(Other.release))
        async def reserve(self) -> None: ...

        @operation(compensated_by(loose))
        async def hold(self) -> None: ...

    whats = [each.what for each in problems_of(Stock)]

    assert "operation Stock.reserve is undone by release, which is no operation of this service" in whats
    assert "operation Stock.hold is undone by loose, which is no operation of this service" in whats


def test_undo_may_be_repeated_and_never_refuses() -> None:
    """An undo is idempotent, declares no refusals and returns nothing; each fault is told at the undo."""

    class Stock(Service):
        @operation(irreversible, raises=Refused)
        async def release(self) -> int:
            return 1

        @operation(compensated_by(release))  # type: ignore[arg-type]
        async def reserve(self) -> None: ...

    found = problems_of(Stock)

    assert [line_of(each) for each in found] == ["@operation(irreversible, raises=Refused)"] * 3
    assert [each.what.partition(" undoes reserve and ")[2] for each in found] == [
        "is irreversible",
        "declares refusals",
        "returns int",
    ]


def test_implementation_may_override_the_undo_of_its_contract() -> None:
    """The undo is found by its name: the contract's function stands for the implementation's."""

    class Stock(Service):
        @operation(idempotent)
        async def release(self, sku: str) -> None: ...

        @operation(compensated_by(release))
        async def reserve(self, sku: str) -> int:
            return 1

    class SqlStock(Stock):
        async def release(self, sku: str) -> None: ...

    assert not problems_of(SqlStock)


@pytest.mark.parametrize(
    ("kind", "result", "what"),
    [
        (idempotent, "str | None", "tells the status of book and is idempotent"),
        (read, "str", "returns str, but tells the status of book"),
        (read, "int | None", "returns int | None, but tells the status of book"),
    ],
)
def test_status_query_reads_and_returns_the_reply_or_nothing(kind: Any, result: str, what: str) -> None:
    """After an unknown outcome the run asks: the query tells the reply, or that nothing happened."""

    async def parcel(self: object, order: str) -> None: ...

    parcel.__annotations__["return"] = eval(result)

    class Shipping(Service):
        status = operation(kind)(parcel)

        @operation(irreversible(asks="status"))
        async def book(self, order: str) -> str:
            return order

    assert what in problem_of(Shipping).what


def test_status_query_exists_and_takes_the_same_parameters() -> None:
    """A query that is missing, or that is asked something else, is found."""

    class Shipping(Service):
        @operation(irreversible(asks="missing"))
        async def book(self, order: str) -> str:
            return order

        @operation(irreversible(asks="parcel"))
        async def send(self, order: str) -> str:
            return order

        @operation(read)
        async def parcel(self, number: int) -> str | None:
            return None

    whats = [each.what for each in problems_of(Shipping)]

    assert "operation Shipping.book asks 'missing', which is no operation of this service" in whats
    assert any("status query parcel take different parameters: (order) and (number)" in what for what in whats)


def test_operation_that_returns_nothing_has_no_status() -> None:
    """A query that answers None in both cases tells nothing."""

    class Shipping(Service):
        @operation(read)
        async def parcel(self) -> None: ...

        @operation(irreversible(asks="parcel"))
        async def book(self) -> None: ...

    assert "cannot say that nothing happened" in problem_of(Shipping).what


def test_implementation_keeps_what_its_contract_promises() -> None:
    """Callers know the contract: other parameters, results, effects or refusals would surprise them."""

    class Stock(Service):
        @operation(read)
        async def count(self, sku: str) -> int:
            return 1

        @operation(idempotent)
        async def close(self) -> None: ...

    class SqlStock(Stock):
        async def count(self, sku: str, shelf: int = 0) -> int:
            return 1

        @operation(irreversible, raises=Refused)
        async def close(self) -> None: ...

    whats = [each.what for each in problems_of(SqlStock)]

    assert "differs from its contract Stock" in whats[0]
    assert "is irreversible, its contract Stock says otherwise" in whats[1]
    assert "raises Refused, which its contract Stock does not" in whats[2]
