"""Where a declaration stands: `file:line`, as editors understand it."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import CodeType

PLACE = "__weft_place__"
"""The attribute in which classes of weft remember where their statement stands."""

HERE = str(Path(__file__).parent)


def place_of(thing: object) -> str:
    """Return where a function or class is declared; a class that did not remember it is looked up in its module."""
    if isinstance(thing, type):
        return _place_of_class(thing)
    code = code_of(thing)
    return repr(thing) if code is None else place_in(code, code.co_firstlineno)


def place_in(code: CodeType, line: int) -> str:
    """Return the place of a line of some code."""
    return f"{code.co_filename}:{line}"


def code_of(thing: object) -> CodeType | None:
    """Return the code of a function under its decorators, or nothing if it has none."""
    function = function_of(thing)
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def function_of(member: object) -> object:
    """Return the function that a staticmethod or classmethod holds; anything else as it is."""
    return getattr(member, "__func__", member) if type(member) in {staticmethod, classmethod} else member


def label_of(thing: object) -> str:
    """Return the name of a class or function, or how anything else shows itself."""
    return str(getattr(thing, "__name__", "")) or repr(thing)


def statement_place() -> str:
    """Return the place of the statement of the user's code that is running: a class or a call."""
    frame = inspect.currentframe()
    while frame is not None and (
        frame.f_code.co_filename.startswith(HERE) or frame.f_code.co_name == "__init_subclass__"
    ):
        frame = frame.f_back
    return "" if frame is None else place_in(frame.f_code, frame.f_lineno)


def _place_of_class(cls: type) -> str:
    remembered = vars(cls).get(PLACE)
    if remembered:
        return str(remembered)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        line = vars(cls).get("__firstlineno__") or inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        line = 0
    return f"{file}:{line}" if file else repr(cls)
