"""Messages to a run: records whose class name is their kind."""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform
from weakref import WeakSet

from weft.model.refusal import equal_records, make_record, refuse_change

_kinds: dict[str, WeakSet[type[Any]]] = {}


def kinds_named(name: str) -> list[type[Any]]:
    """Return the classes of messages with this name that are loaded."""
    return list(_kinds.get(name, ()))


@dataclass_transform(frozen_default=True)
class Message:
    """Something told to a run; its class name is its kind on disk."""

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


class Signal(Message):
    """A message without an answer."""
