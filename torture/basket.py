"""The basket: a run that lives through many generations and keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass

from weft import Declined, Signal, State, Update, continue_as_new, receive, workflow

MESSAGES = 4
"""Messages that one generation takes."""


class Full(Declined):
    """The basket does not take this."""

    key: str


class Add(Update[int], raises=Full):
    """Put a thing in, and be told how many there are."""

    key: str


class Nudge(Signal):
    """Put a thing in, and be told nothing."""

    key: str


class Close(Signal):
    """Take nothing more."""


@dataclass(frozen=True, slots=True)
class Basket:
    """What is in it, in order."""

    items: tuple[str, ...] = ()


filled = State("filled", 0)


@workflow
async def basket(state: Basket) -> Basket:
    """Take a few things, and go on as a new generation until it is closed."""
    for _ in range(MESSAGES):
        filled.set(len(state.items))
        match await receive(Add, Nudge, Close):
            case Add() as add if add.key.endswith("!"):
                add.refuse(Full(add.key))
            case Add() as add:
                state = Basket((*state.items, add.key))
                add.answer(len(state.items))
            case Nudge() as nudge:
                state = Basket((*state.items, nudge.key))
            case Close():
                return state
    return continue_as_new(state)
