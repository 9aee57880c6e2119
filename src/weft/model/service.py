"""Services: a class whose operations are methods and whose dependencies are its constructor's parameters."""

from __future__ import annotations

from typing import Any, ClassVar


class Service:
    """Base of every service and contract.

    A contract may leave its operations without a body that does anything; the implementation is a subclass, and
    callers name the contract. `name` goes to disk and defaults to the class's name. `exactly_once=True` says that
    the service stores outcomes by call id (it works in a weft Database). `tables` is the SQLAlchemy metadata of the
    tables that its database must have; they are created at start.
    """

    weft_name: ClassVar[str] = ""
    weft_exactly_once: ClassVar[bool] = False
    weft_tables: ClassVar[Any] = None

    def __init_subclass__(cls, *, name: str | None = None, exactly_once: bool | None = None, tables: Any = None) -> None:
        super().__init_subclass__()
        if name is not None:
            cls.weft_name = name
        elif not cls.weft_name:
            cls.weft_name = cls.__name__
        if exactly_once is not None:
            cls.weft_exactly_once = exactly_once
        if tables is not None:
            cls.weft_tables = tables
