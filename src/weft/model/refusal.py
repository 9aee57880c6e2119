"""Declined: a service's decision that nothing happens, with its fields; and the record makers it shares with messages."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, dataclass_transform


def make_record(cls: type[Any]) -> None:
    """Turn a class into a record: a dataclass whose fields cannot change, though it may carry a traceback."""
    if "__annotations__" not in cls.__dict__ and "__annotate_func__" not in cls.__dict__:
        cls.__annotations__ = {}
    dataclass(eq=False)(cls)
    cls.__record_fields__ = frozenset(field.name for field in fields(cls))


def refuse_change(record: object, name: str) -> None:
    """Raise if `name` is a field of the record that is already set."""
    names: frozenset[str] = getattr(type(record), "__record_fields__", frozenset())
    if name in names and name in record.__dict__:
        message = f"{type(record).__name__}.{name} is a field and does not change"
        raise AttributeError(message)


def equal_records(left: object, right: object) -> bool:
    """Tell whether two records are of one class and have equal fields."""
    names: frozenset[str] = getattr(type(left), "__record_fields__", frozenset())
    return type(left) is type(right) and all(getattr(left, name) == getattr(right, name) for name in names)


@dataclass_transform(frozen_default=True, kw_only_default=False)
class Declined(Exception):  # noqa: N818 - a fact about the call, in the field's own word
    """The service decided: nothing happened. Subclasses add fields, which travel."""

    __weft_record__: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        make_record(cls)

    def __setattr__(self, name: str, value: object) -> None:
        refuse_change(self, name)
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return equal_records(self, other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def __str__(self) -> str:
        """Show the fields: the service's words for what it decided."""
        names = fields(self) if hasattr(type(self), "__dataclass_fields__") else ()  # pyright: ignore[reportArgumentType]
        return ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in names)
