"""Declined: a service's decision that nothing happens; and what makes records of it and of messages."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, cast, dataclass_transform
from weakref import WeakSet

from weft.model.place import PLACE, statement_place

FIELDS = "__record_fields__"

_kinds: dict[str, WeakSet[type[Declined]]] = {}


def make_record(cls: type[Any]) -> None:
    """Turn a class into a record: a dataclass whose fields cannot change, though it may carry a traceback."""
    setattr(cls, PLACE, statement_place())
    dataclass(eq=False)(cls)
    setattr(cls, FIELDS, frozenset(field.name for field in fields(cls)))


def record_names(kind: type) -> tuple[str, ...]:
    """Return the names of the fields of a record class in order; the class that all share has none."""
    return tuple(field.name for field in fields(cast("Any", kind))) if FIELDS in vars(kind) else ()


def refuse_change(record: object, name: str) -> None:
    """Raise if `name` is a field of the record that is already set."""
    if name in getattr(type(record), FIELDS, ()) and name in record.__dict__:
        raise AttributeError(f"{type(record).__name__}.{name} is a field and does not change")


def equal_records(left: object, right: object) -> bool:
    """Tell whether two records are of one class and have equal fields."""
    if type(left) is not type(right):
        return False
    return all(getattr(left, name) == getattr(right, name) for name in record_names(type(left)))


@dataclass_transform(frozen_default=True, kw_only_default=False)
class Declined(Exception):
    """The service decided: nothing happened. Subclasses add fields, which travel."""

    __weft_record__: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Make a record of the subclass."""
        super().__init_subclass__()
        make_record(cls)
        _kinds.setdefault(cls.__name__, WeakSet()).add(cls)

    def __setattr__(self, name: str, value: object) -> None:
        refuse_change(self, name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        refuse_change(self, name)
        super().__delattr__(name)

    def __eq__(self, other: object) -> bool:
        return equal_records(self, other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def __str__(self) -> str:
        """Show the fields: the service's words for what it decided."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in record_names(type(self)))


def refusals_named(name: str) -> list[type[Declined]]:
    """Return the classes of refusals with this name that are loaded."""
    return list(_kinds.get(name, ()))


def refusal_class(thing: object) -> type[Declined] | None:
    """Return a class as one of refusals, or nothing if it is none, or the one that all of them share."""
    return thing if isinstance(thing, type) and issubclass(thing, Declined) and thing is not Declined else None
