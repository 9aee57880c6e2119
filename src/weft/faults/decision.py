"""Which calls a fault strikes: a function of a seed and of what is asked, never of who comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from weft.errors import ValueInvalid
from weft.ids import digest
from weft.model.call import Call
from weft.model.operation import Operation

Predicate: TypeAlias = Callable[[Call], bool]

ID_PARTS = 3
"""A run's call id is chain / generation / epoch / path, and only the path is the same in another life."""


def chance(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that is a function of its arguments."""
    return int.from_bytes(digest("\x1f".join(map(str, (seed, *parts))).encode())[:6]) / (1 << 48)


def business_key(operation: Operation, call: Call) -> str:
    """Return what the call is about: its first argument, by the habit of passing an entity's id first."""
    try:
        arguments = operation.parameters.decode(call.arguments)
    except ValueInvalid:
        return ""
    return repr(next(iter(arguments.values()), ""))


def place_of(call: Call) -> str:
    """Return the caller and the call's path within it: the same in every life of a run."""
    parts = call.id.split("/", ID_PARTS)
    return f"{call.caller}|{parts[-1]}"


class Decision:
    """Decide for each call whether a fault strikes it.

    Args:
        kind: the fault's name; two faults of one rate strike different calls.
        seed: of the plan.
        times: strike so many attempts and no more; nothing for no limit.
        rate: strike this fraction of the attempts.
        when: strike only these calls.
        by_key: the fault changes outcomes: whether it strikes follows from the business key alone, so that it does
            not depend on interleaving or on what was killed. `times` then counts keys, and a key once struck stays so.
    """

    def __init__(
        self,
        kind: str,
        *,
        seed: int,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
        by_key: bool = False,
    ) -> None:
        self._kind = kind
        self._seed = seed
        self._left = times
        self._rate = rate
        self._when = when
        self._by_key = by_key
        self._struck: set[str] = set()

    def strikes(self, operation: Operation, call: Call) -> bool:
        """Tell whether the fault strikes this attempt, and count it if so."""
        if self._when is not None and not self._when(call):
            return False
        key = business_key(operation, call) if self._by_key else ""
        if self._rate is not None and self._chance(call, key) >= self._rate:
            return False
        if self._by_key and (call.target + key) in self._struck:
            return True
        if self._left is None:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        self._struck.add(call.target + key)
        return True

    def _chance(self, call: Call, key: str) -> float:
        if self._by_key:
            return chance(self._seed, self._kind, call.target, key)
        return chance(self._seed, self._kind, call.target, place_of(call), call.attempt)
