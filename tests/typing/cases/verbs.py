"""Updates, children, generations and patches: what their types say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_type

from weft import (
    Declined,
    Run,
    Runs,
    Service,
    Signal,
    State,
    Update,
    Workflow,
    continue_as_new,
    deprecate_patch,
    idempotent,
    journal_nearly_full,
    offers,
    operation,
    patched,
    receive,
    workflow,
)


@dataclass(frozen=True)
class Cart:
    """What is in a cart."""

    lines: tuple[str, ...] = ()


class EmptyCart(Declined):
    """There is nothing in it."""


class AddLine(Update[Cart]):
    """Put a line into the cart."""

    line: str


class CheckOut(Update[str], raises=EmptyCart):
    """Order what is in it."""

    address: str


class Leave(Signal):
    """Go."""

    why: str


contents = State("contents", Cart())


@workflow
async def greet(name: str) -> int:
    """Count letters."""
    return len(name)


@workflow(at_once=10, at_once_per_key=1)
async def limited(name: str) -> int:
    """Count letters, ten at a time."""
    return len(name)


assert_type(limited, Workflow[str, int])


@workflow
async def cart(state: Cart, *, runs: Runs) -> None:
    """Answer updates for years."""
    while not journal_nearly_full():
        contents.set(state)
        match await receive(AddLine, CheckOut, Leave):
            case AddLine() as add:
                state = Cart((*state.lines, add.line))
                add.answer(state)
                add.answer("a cart")  # error wanted: the answer is a Cart
                add.refuse(EmptyCart())
            case CheckOut() as check_out if not state.lines:
                check_out.refuse(EmptyCart())
                check_out.refuse(ValueError())  # error wanted: only what was declared as a refusal
            case CheckOut() as check_out:
                assert_type(await runs.run(greet, check_out.address, id="1", on_close="terminate"), int)
                check_out.answer("1")
                check_out.answer(3)  # error wanted: the answer is a str
            case Leave():
                return
    if patched("faster"):
        deprecate_patch("slower")
    continue_as_new(state)


async def outside(runs: Runs) -> None:
    """Ask and run."""
    ada = runs.find(cart, "ada")
    assert_type(await ada.ask(AddLine("tea")), Cart)
    assert_type(await ada.ask(CheckOut("here"), id="7"), str)
    assert_type(await ada.read(contents), Cart)
    await ada.ask(Leave("bored"))  # error wanted: a signal has no answer
    await ada.send(AddLine("tea"))  # error wanted: an update is asked
    AddLine(3)  # error wanted: a line is a str
    AddLine()  # error wanted: the line is missing
    assert_type(await runs.start(greet, "ada", id="1", within=timedelta(days=1)), Run[int])
    assert_type(await runs.run(greet, "ada", id="1"), int)
    await runs.run(greet, 3, id="1")  # error wanted: the input is a str
    await runs.run(greet, "ada", id="1", on_close="forget")  # error wanted: there is no such policy
    assert_type(await runs.run(limited, "ada", id="1", key="a", priority=5, after=timedelta(hours=1)), int)
    await runs.start(limited, "ada", id="1", at=datetime.now(UTC), tenant="acme")
    await runs.start(limited, "ada", id="1", key=7)  # error wanted: a key is a text
    await runs.start(limited, "ada", id="1", at=timedelta(hours=1))  # error wanted: a time, not a duration
    await runs.start(limited, "ada", id="1", prority=5)  # error wanted: there is no such option
    await runs.start(greet, "ada", id="1", within=5)  # error wanted: a duration is a timedelta


class Greeter(Service):
    """Offers a workflow."""

    @operation(idempotent)
    @offers(greet)
    async def greet(self, name: str) -> int:
        """Greet."""
        raise NotImplementedError

    @operation(idempotent)
    @offers(greet)  # error wanted: the input is a str
    async def wrong(self, name: int) -> int:
        """Greet a number."""
        raise NotImplementedError


async def call(greeter: Greeter) -> None:
    """Call what is offered."""
    assert_type(await greeter.greet("ada"), int)
