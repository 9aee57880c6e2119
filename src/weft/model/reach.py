"""Reach: every function of the user's code that a function leads to, with the uses of names in each."""

from __future__ import annotations

import inspect
import sysconfig
import typing
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from weft.model.place import function_of, place_in
from weft.model.service import Service
from weft.model.signature import bare
from weft.model.symbols import Fields, Instance, Known, Names, Symbol, Use, names_of, plain_function

FUNCTIONS_FOLLOWED = 2_000
"""Functions looked at for one System; past it the look ends, and what lies further is not seen."""

OTHERS = (f"{sysconfig.get_path('stdlib')}/", f"{sysconfig.get_path('platstdlib')}/", "<frozen ")
INSTALLED = ("/site-packages/", "/dist-packages/")
WEFT = f"{Path(__file__).parents[1]}/"
CONSTRUCTORS = ("__new__", "__init__")


Visit = tuple[FunctionType, Symbol, tuple[str, ...], str]
"""What to look at: the function, its `self`, the names that led to it, and where it was named."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One use of a name, where it stands, and how the code leads there.

    Attributes:
        use: the use.
        where: `file:line`; that of the caller for code that has no file.
        path: names of functions, from the first one to that of the use.
        names: what names stand for in the function that the use stands in.
    """

    use: Use
    where: str
    path: tuple[str, ...]
    names: Names


class Reach:
    """A walk over functions that looks at each once, however many lead there; at generated ones, from each place."""

    def __init__(self, fields: Fields | None = None) -> None:
        self._fields: Fields = {} if fields is None else fields
        self._seen: dict[tuple[int, str], CodeType] = {}

    def sights(self, function: FunctionType, *, receiver: Symbol = None, name: str = "") -> Iterator[Sight]:
        """Yield the uses in a function, and in those that it leads to.

        Args:
            function: where to begin.
            receiver: its `self`, for a method; other services' methods are not followed, they are calls.
            name: what paths call it.
        """
        home = receiver.cls if isinstance(receiver, Instance) else None
        waiting: deque[Visit] = deque([(function, receiver, (name or function.__name__,), "")])
        while waiting and len(self._seen) < FUNCTIONS_FOLLOWED:
            found, itself, path, named_at = waiting.popleft()
            code = found.__code__
            key = id(code), named_at if _is_generated(code) else ""
            if key in self._seen:
                continue
            self._seen[key] = code
            names = names_of(found, itself, annotated=_annotated(found), fields=self._fields)
            for use in names.uses():
                sight = _sight(use, names, path, named_at=named_at)
                yield sight
                for target, owner in _targets(use, home):
                    waiting.append((target, owner, (*path, _label(target, owner)), sight.where))


def _sight(use: Use, names: Names, path: tuple[str, ...], *, named_at: str) -> Sight:
    """Return what is seen; in generated code, such as a dataclass's, names and lines say nothing to the reader."""
    if not _is_generated(names.code) or not named_at:
        return Sight(use, place_in(names.code, use.line), path, names)
    value = use.symbol.value if isinstance(use.symbol, Known) else None
    return Sight(replace(use, text=str(getattr(value, "__qualname__", use.text))), named_at, path, names)


def _is_generated(code: CodeType) -> bool:
    return code.co_filename.startswith("<")


def _label(function: FunctionType, owner: Symbol) -> str:
    """Return what paths call a function: its name, or that of the class that it makes."""
    name = function.__name__
    if name not in CONSTRUCTORS:
        return name
    return owner.cls.__name__ if isinstance(owner, Instance) else name


def way_of(path: tuple[str, ...]) -> str:
    """Return how the code leads from the first name to the last, in brackets; nothing if it is one step."""
    return "" if len(path) == 1 else f" ({' -> '.join(path)})"


def is_own_code(function: FunctionType) -> bool:
    """Tell whether a function is the user's: not Python's, not installed, not weft's."""
    file = function.__code__.co_filename
    if any(part in file for part in INSTALLED):
        return False
    return not file.startswith((*OTHERS, WEFT))


def _targets(use: Use, home: type | None) -> Iterator[tuple[FunctionType, Symbol]]:
    """Yield the functions that a use leads to, with their `self`."""
    if not isinstance(use.symbol, Known) or _is_service_call(use.owner, home):
        return
    value = use.symbol.value
    if isinstance(value, type):
        for name in CONSTRUCTORS if use.called else ():
            function = function_of(inspect.getattr_static(value, name))
            if isinstance(function, FunctionType) and is_own_code(function):
                yield function, Known(value) if name == "__new__" else Instance(value)
        return
    found = plain_function(value)
    if found is not None:
        function, receiver = found
        if not is_own_code(function):
            function = inspect.unwrap(function)  # somebody else's wrapper around the user's function
        if is_own_code(function):
            yield function, receiver or use.symbol.receiver


def _is_service_call(owner: Symbol, home: type | None) -> bool:
    """Tell whether a method belongs to another service: then it is a call, and runs elsewhere."""
    cls = owner.cls if isinstance(owner, Instance) else owner.value if isinstance(owner, Known) else None
    if not isinstance(cls, type) or not issubclass(cls, Service):
        return False
    return home is None or not issubclass(home, cls)


def _annotated(function: FunctionType) -> dict[str, Any]:
    """Return the classes of a function's parameters as far as annotations name them plainly."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - a border: annotations are the user's code, and here they are only a help
        return {}
    names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    plain = {name: bare(hints[name]) for name in names if name in hints}
    return {name: hint for name, hint in plain.items() if isinstance(hint, type) and not typing.get_args(hint)}
