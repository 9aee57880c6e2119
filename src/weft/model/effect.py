"""What an operation does to the world, declared by its author; there is no default."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, ParamSpec

P = ParamSpec("P")


class EffectKind(Enum):
    """The four effects an operation may declare."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    COMPENSATED = "compensated"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class Effect:
    """A declared effect; `asks` names the status query of an irreversible operation."""

    kind: EffectKind
    asks: str | None = None

    def __call__(self, *, asks: str) -> Effect:
        """Return the irreversible effect with its status query.

        The query is a `read` operation of the same service with the same parameters. It returns the operation's
        reply if the effect happened, and nothing if it certainly did not and never will.
        """
        if self.kind is not EffectKind.IRREVERSIBLE:
            message = f"only `irreversible` takes asks=, not `{self.kind.value}`"
            raise TypeError(message)
        return Effect(self.kind, asks)


class Undo(Generic[P]):
    """The effect of an operation that another operation undoes."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[P, Coroutine[Any, Any, None]]) -> None:
        self.function = function


def compensated_by(undo: Callable[P, Coroutine[Any, Any, None]], /) -> Undo[P]:
    """Declare that `undo`, an operation of the same service with the same parameters, takes the effect back."""
    if not callable(undo):
        message = f"compensated_by takes the undo itself, a method defined above in the same class, not {undo!r}"
        raise TypeError(message)
    return Undo(undo)


read = Effect(EffectKind.READ)
"""Changes nothing; may be repeated, hedged and cached."""

idempotent = Effect(EffectKind.IDEMPOTENT)
"""Doing it twice is doing it once."""

irreversible = Effect(EffectKind.IRREVERSIBLE)
"""Cannot be taken back; `irreversible(asks="query")` names the operation that tells whether it happened."""
