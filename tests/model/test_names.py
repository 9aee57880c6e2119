"""Names go to disk and into ids: they are whole, short, printable and alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.building import problem_of, problems_of
from weft import Service, System, WeftError, workflow
from weft.model.naming import NAME_CHARACTERS, SEPARATORS, judge_name


@given(st.text(max_size=NAME_CHARACTERS + 5))
def test_name_that_passes_can_be_found_again_in_an_id(name: str) -> None:
    """Whatever the name, an id made of it splits back into its parts, or the name is refused."""
    if judge_name(name, "service", "here:1"):
        return

    for separator in SEPARATORS:
        assert f"{name}{separator}rest".split(separator, 1) == [name, "rest"]
    assert name == name.strip()
    assert 0 < len(name) <= NAME_CHARACTERS


@pytest.mark.parametrize("name", ["place_order", "shop.orders", "order-2", "注文", "Order placed"])
def test_usual_names_pass(name: str) -> None:
    """Letters of any language, digits, dots, dashes and spaces inside are fine."""
    assert judge_name(name, "workflow", "here:1") == []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("x" * 101, "has 101 characters, more than 100"),
        ("a/b", "contains '/'"),
        ("a>b", "contains '>'"),
        ("a#b", "contains '#'"),
        ("a~undo", "contains '~'"),
        ("a\n", "cannot be seen"),
        ("weft.runs", "kept for weft's own"),
    ],
)
def test_bad_names_are_explained(name: str, what: str) -> None:
    """Services, workflows and Systems are held to the same rule."""
    service = type("Stock", (Service,), {}, name=name)

    @workflow(name=name)
    async def restock(amount: int) -> None: ...

    found = problems_of(service, workflows=[restock])

    assert [what in each.what for each in found] == [True, True]
    with pytest.raises(WeftError, match="the System's name"):
        System(name)


def test_service_is_named_after_its_contract() -> None:
    """A caller that knows the contract knows the name on disk."""

    class Stock(Service): ...

    class SqlStock(Stock): ...

    class Renamed(Stock, name="stock"): ...

    assert (Stock.weft_name, SqlStock.weft_name, Renamed.weft_name) == ("Stock", "Stock", "stock")


def test_two_services_of_one_name_are_refused() -> None:
    """Their calls and stores could not be told apart."""
    one, two = (type(name, (Service,), {}, name="stock") for name in ("One", "Two"))

    assert "two services are named 'stock'" in problem_of(one, two).what


def test_two_workflows_of_one_name_are_refused() -> None:
    """Their runs could not be told apart."""

    @workflow(name="restock")
    async def one(amount: int) -> None: ...

    @workflow(name="restock")
    async def two(amount: int) -> None: ...

    problem = problem_of(workflows=[one, two])

    assert "two workflows are named 'restock'" in problem.what
    assert one.where in problem.what
