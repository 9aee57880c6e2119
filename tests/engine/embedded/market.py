"""A cart that lives for years, and those who ask it: the workflows of the stories of updates and generations."""

from __future__ import annotations

from dataclasses import dataclass

from tests.engine.embedded.mill import Depot
from weft.errors import RunClosed
from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.runs import Runs
from weft.flow.state import State
from weft.model.message import Signal, Update
from weft.model.refusal import Declined
from weft.model.workflow import workflow


@dataclass(frozen=True)
class Cart:
    """What is in a cart, over all its generations."""

    lines: tuple[str, ...] = ()
    generation: int = 0


class Empty(Declined):
    """Nothing to check out."""

    by: str


class Add(Update[int]):
    """One line more; the answer is how many there are."""

    line: str


class CheckOut(Update[tuple[str, ...]], raises=Empty):
    """Everything that is in the cart."""

    by: str


class Ignored(Update[int]):
    """Never answered."""


class Turn(Signal):
    """Continue as new."""


class Close(Signal):
    """Enough."""


contents = State("contents", Cart())


@workflow
async def cart(state: Cart, *, depot: Depot) -> Cart:
    """Keep lines; put each into the depot."""
    while True:
        contents.set(state)
        match await receive(Add, CheckOut, Ignored, Turn, Close):
            case Add() as add:
                await depot.put(add.line)
                state = Cart((*state.lines, add.line), state.generation)
                add.answer(len(state.lines))
            case CheckOut() as check_out if not state.lines:
                check_out.refuse(Empty(check_out.by))
            case CheckOut() as check_out:
                check_out.answer(state.lines)
                state = Cart((), state.generation)
            case Turn():
                continue_as_new(Cart(state.lines, state.generation + 1))
            case Close():
                return state
            case _:
                continue


@workflow
async def shopper(line: str, *, runs: Runs) -> str:
    """Add a line to Ada's cart, and check out."""
    ada = runs.find(cart, "ada")
    count = await ada.ask(Add(line))
    try:
        lines = await ada.ask(CheckOut("shopper"))
        await ada.ask(CheckOut("again"))
    except Empty as empty:
        return f"{count} {lines} {empty.by}"
    except RunClosed:
        return "closed"
    return "no"
