"""Services: a class whose operations are methods and whose dependencies are its constructor's parameters."""

from __future__ import annotations

from typing import Any, ClassVar, TypeGuard

from weft.model.place import PLACE, statement_place


class Service:
    """Base of every service and contract.

    A contract may leave its operations abstract; the implementation is a subclass, and callers name the contract.
    `name` goes to disk; it defaults to the contract's name, and that to the class's. `exactly_once=True` says that
    the service stores outcomes by call id (it works in a weft Database). `tables` is the SQLAlchemy metadata of the
    tables that its database must have; they are created at start.
    """

    weft_name: ClassVar[str] = ""
    weft_exactly_once: ClassVar[bool] = False
    weft_tables: ClassVar[Any] = None

    def __init_subclass__(
        cls, *, name: str | None = None, exactly_once: bool | None = None, tables: Any = None
    ) -> None:
        """Take the options of the class statement; they are judged when a System is built."""
        super().__init_subclass__()
        setattr(cls, PLACE, statement_place())
        if name is not None:
            cls.weft_name = name
        elif not cls.weft_name:
            cls.weft_name = cls.__name__
        if exactly_once is not None:
            cls.weft_exactly_once = exactly_once
        if tables is not None:
            cls.weft_tables = tables


def is_service(thing: object) -> TypeGuard[type[Service]]:
    """Tell whether something is a class of a service, and not what all of them share."""
    return isinstance(thing, type) and issubclass(thing, Service) and thing is not Service


def contracts_of(implementation: type[Service]) -> tuple[type[Service], ...]:
    """Return every class that callers may name a service by: itself and its Service bases, the nearest first."""
    return tuple(base for base in implementation.__mro__ if issubclass(base, Service) and base is not Service)
