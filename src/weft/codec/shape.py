"""A Shape: what the compiler found out about one type, so that no call has to look at the type again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NewType, TypeGuard, get_origin

Step = Callable[[Any], Any]
"""One way through the codec for one type: from value to what msgspec writes, or from what msgspec read to value."""


class Mismatch(Exception):
    """Say why a value is not what its type declares; the path grows while the exception rises."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self._steps: list[str] = []

    def under(self, step: str) -> Mismatch:
        """Note that the value stands under `step`: `.name` or `[3]`."""
        self._steps.append(step)
        return self

    @property
    def path(self) -> str:
        """Return where the value stands, like `order.lines[3].price`; empty for the value itself."""
        return "".join(reversed(self._steps)).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Shape:
    """How values of one type travel.

    The class of a value is looked at where the value is found (`takes`), and only then `outward` is called: most types
    are decided by their class alone, and for those there is nothing to call.
    """

    name: str
    """The type as messages name it."""
    wire: object
    """The type as msgspec is told it."""
    takes: frozenset[type]
    """The exact classes of values of this type. A subclass is refused: what it adds would be lost on the way."""
    outward: Step | None = None
    """Check a value further and return what msgspec writes; nothing when its class decides."""
    inward: Step | None = None
    """Turn what msgspec read into the value; nothing when it is the value."""
    native: bool = True
    """Whether msgspec reads and writes the very values: then both steps return what they are given."""
    arrives: frozenset[type] = frozenset()
    """The classes of what msgspec reads for this type; nothing when they are those of the values."""
    columns: tuple[tuple[str, frozenset[type]], ...] = ()
    """The attributes and their classes that alone decide a value of this class, if that is so."""

    @property
    def read_as(self) -> frozenset[type]:
        """Return the classes of what msgspec reads for this type."""
        return self.arrives or self.takes


def wrong_class(value: object, shape: Shape) -> Mismatch:
    """Explain that a value's class is not among those its type takes; the value may be secret and is not shown."""
    given = type(value)
    for kind in shape.takes:
        if issubclass(given, kind):
            return Mismatch(
                f"{given.__name__} is given where {shape.name} is declared: it is a subclass, and what it adds to "
                f"{kind.__name__} would be lost on the way; pass a plain {kind.__name__}, or declare {given.__name__}"
            )
    return Mismatch(f"{given.__name__} is given where {shape.name} is declared")


def wrong_item(values: Iterable[object], shape: Shape) -> Mismatch:
    """Find the first of many values whose class is wrong."""
    for index, value in enumerate(values):
        if type(value) not in shape.takes:
            return wrong_class(value, shape).under(f"[{index}]")
    raise AssertionError(shape.name)  # pragma: no cover - only called when there is one


def inside(at: str, step: Step, value: object) -> Any:
    """Take a step for what stands under `at`, and let a mismatch say so."""
    try:
        return step(value)
    except Mismatch as mismatch:
        raise mismatch.under(at) from None


def dispatch(steps: Iterable[tuple[frozenset[type], Step | None]]) -> Mapping[type, Step | None]:
    """Map the classes of a union's members to their steps; one that two members share goes to the first that fits."""
    table: dict[type, Step | None] = {}
    for kinds, step in steps:
        for kind in kinds:
            table[kind] = _either(table[kind], step) if kind in table else step
    return table


def _either(first: Step | None, second: Step | None) -> Step | None:
    if first is None or second is None:
        return None  # one member takes every value of this class
    one, other = first, second

    def step(value: object) -> object:
        try:
            return one(value)
        except Mismatch:
            return other(value)

    return step


def is_class(hint: object) -> TypeGuard[type[object]]:
    """Say whether a type is a class, and not a class with something in brackets."""
    return isinstance(hint, type) and get_origin(hint) is None


def name_of(hint: object) -> str:
    """Return a type as a message names it: without modules."""
    if is_class(hint):
        return "None" if hint is type(None) else hint.__name__
    if isinstance(hint, NewType):
        return hint.__name__
    text = repr(hint)
    return text if "'" in text else re.sub(r"(?:[A-Za-z_<][\w>]*\.)+(?=\w)", "", text)
