"""A Shape: what the compiler found out about one type, so that no call has to look at the type again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Step = Callable[[Any], Any]
"""One way through the codec for one type: from value to what msgspec writes, or from what msgspec read to value."""


class Mismatch(Exception):  # noqa: N818 - a fact, never seen outside the codec
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

    @property
    def read_as(self) -> frozenset[type]:
        """Return the classes of what msgspec reads for this type."""
        return self.arrives or self.takes


def wrong_class(value: object, shape: Shape) -> Mismatch:
    """Explain that a value's class is not among those its type takes; values themselves may be secret, and are not shown."""
    given = type(value)
    for kind in shape.takes:
        if issubclass(given, kind):
            return Mismatch(
                f"{given.__name__} is given where {shape.name} is declared: it is a subclass, and decoding makes a plain "
                f"{kind.__name__} of it; pass a {kind.__name__}, or declare {given.__name__}"
            )
    return Mismatch(f"{given.__name__} is given where {shape.name} is declared")


def wrong_item(values: Iterable[object], shape: Shape) -> Mismatch:
    """Find the first of many values whose class is wrong."""
    for index, value in enumerate(values):
        if type(value) not in shape.takes:
            return wrong_class(value, shape).under(f"[{index}]")
    raise AssertionError(shape.name)  # pragma: no cover - only called when there is one


def dispatch(steps: Iterable[tuple[frozenset[type], Step | None]]) -> Mapping[type, Step | None]:
    """Map the classes of a union's members to their steps; a class that several members share goes to the first that fits."""
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


def name_of(hint: object) -> str:
    """Return a type as a message names it."""
    if isinstance(hint, type) and not hasattr(hint, "__origin__"):
        return "None" if hint is type(None) else hint.__name__
    return str(getattr(hint, "__name__", "")) if hasattr(hint, "__supertype__") else repr(hint).replace("typing.", "")
