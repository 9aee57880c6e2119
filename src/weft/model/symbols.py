"""Symbols: the real objects that names in some code stand for, found without running any of it."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from weft.model.bytecode import Act, Step, nested_in, steps_of


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The object itself; `receiver` is what it was looked up on, if that is given to it as `self`."""

    value: Any
    receiver: Known | Instance | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """Some instance of a class."""

    cls: type


Symbol = Known | Instance | None
"""What a name stands for; nothing where that cannot be told."""

Fields = Mapping[tuple[type, str], Symbol]
"""What instances of a class hold in their attributes, as far as known."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name.

    Attributes:
        act: ATTRIBUTE, GLOBAL, VARIABLE or IMPORT for a load; STORE_GLOBAL and STORE_ATTRIBUTE for a change.
        text: the name as written, with what it was looked up on.
        symbol: what was loaded, or what is stored.
        owner: what an attribute was looked up or changed on.
        line: of the file.
        called: it is about to be called.
        bare: it is called without arguments.
    """

    act: Act
    text: str
    symbol: Symbol
    owner: Symbol
    line: int
    called: bool
    bare: bool


@dataclass(slots=True)
class Names:
    """What names stand for in one function.

    Attributes:
        code: the function's code.
        module: the names of its module.
        variables: parameters, variables of enclosing functions, and variables assigned so far.
        fields: what is known of attributes of instances.
    """

    code: CodeType
    module: Mapping[str, Any]
    variables: dict[str, Symbol]
    fields: Fields = field(default_factory=dict[tuple[type, str], Symbol])

    def uses(self) -> Iterator[Use]:
        """Yield every use of a name in the code and in the functions inside it."""
        yield from _Walk(self).uses()
        for inner in nested_in(self.code):
            seen = {name: self.variables.get(name) for name in inner.co_freevars}
            yield from Names(inner, self.module, seen, self.fields).uses()

    def global_named(self, name: str) -> Symbol:
        """Return what a global or builtin name stands for."""
        if name in self.module:
            return Known(self.module[name])
        return Known(getattr(builtins, name)) if hasattr(builtins, name) else None

    def attribute(self, owner: Symbol, name: str) -> Symbol:
        """Return what an attribute of a symbol stands for."""
        if isinstance(owner, Instance):
            return self.fields[owner.cls, name] if (owner.cls, name) in self.fields else _member(owner.cls, name, owner)
        if owner is None:
            return None
        if isinstance(owner.value, ModuleType):
            return module_member(owner.value, name)
        return _member(owner.value, name, owner)


def names_of(function: FunctionType, receiver: Symbol, *, annotated: Mapping[str, Any], fields: Fields) -> Names:
    """Return what names stand for in a function.

    Args:
        function: the function.
        receiver: what its first parameter is, for a method.
        annotated: the types of its parameters, as far as they say what may be called on them.
        fields: what is known of attributes of instances.
    """
    code = function.__code__
    variables: dict[str, Symbol] = {name: Instance(kind) for name, kind in annotated.items()}
    if receiver is not None and code.co_argcount:
        variables[code.co_varnames[0]] = receiver
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            variables[name] = Known(cell.cell_contents)
        except ValueError:  # the name of an enclosing function that is assigned later
            variables[name] = None
    return Names(code, function.__globals__, variables, fields)


LOOP_MAKERS = (asyncio.get_event_loop, asyncio.get_running_loop, asyncio.new_event_loop)
LAZY_MODULES = frozenset({"concurrent.futures"})
"""Modules of the standard library that load their names when asked for them, which does no harm."""


class _Walk:
    """One walk through the steps of some code: what was loaded last, and what each variable was set to."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._current: Symbol = None
        self._before: Symbol = None
        self._imported: Symbol = None
        self._text = ""
        self._kept: set[str] = set()

    def uses(self) -> Iterator[Use]:
        steps = steps_of(self._names.code)
        for index, step in enumerate(steps):
            bare = index + 1 < len(steps) and steps[index + 1].act is Act.BARE_CALL
            use = self._take(step, bare=bare)
            if use is not None:
                yield use

    def _take(self, step: Step, *, bare: bool) -> Use | None:
        owner: Symbol = None
        match step.act:
            case Act.GLOBAL | Act.VARIABLE | Act.IMPORT:
                self._load(step)
            case Act.ATTRIBUTE:
                owner = self._current
                self._look_up(step)
            case Act.IMPORT_FROM:
                self._current = self._names.attribute(self._imported, step.name)
                return None
            case Act.STORE_GLOBAL | Act.STORE_ATTRIBUTE:
                return self._change(step)
            case Act.BARE_CALL:
                self._current = result_of(self._current)
                return None
            case Act.KEEP:
                self._keep(step.name)
                return None
            case Act.OTHER:
                self._current = self._before = None
                return None
        if self._current is None:
            return None
        return Use(step.act, self._text, self._current, owner, step.line, step.called, bare)

    def _load(self, step: Step) -> None:
        self._before, self._text = self._current, step.name
        if step.act is Act.GLOBAL:
            self._current = self._names.global_named(step.name)
        elif step.act is Act.VARIABLE:
            self._current = self._names.variables.get(step.name)
        else:
            module = sys.modules.get(step.name)
            self._current = self._imported = None if module is None else Known(module)

    def _look_up(self, step: Step) -> None:
        owner = self._current
        self._text = f"{self._text}.{step.name}"
        self._current = self._names.attribute(owner, step.name)

    def _keep(self, name: str) -> None:
        known = self._names.variables
        if name in self._kept and not _same(known.get(name), self._current):
            self._current = None  # it is one thing here and another there
        self._kept.add(name)
        known[name] = self._current
        self._current = self._before = None

    def _change(self, step: Step) -> Use:
        if step.act is Act.STORE_GLOBAL:
            use = Use(step.act, step.name, self._current, None, step.line, called=False, bare=False)
        else:
            text = f"{self._text}.{step.name}"
            use = Use(step.act, text, self._before, self._current, step.line, called=False, bare=False)
        self._current = self._before = None
        return use


def _same(left: Symbol, right: Symbol) -> bool:
    if isinstance(left, Known) and isinstance(right, Known):
        return left.value is right.value
    return left == right


def result_of(callee: Symbol) -> Symbol:
    """Return what a call without arguments makes: an instance of the class, or of the function's declared result."""
    value = callee.value if isinstance(callee, Known) else None
    if isinstance(value, type):
        return Instance(value)
    if any(value is each for each in LOOP_MAKERS):
        return Instance(asyncio.AbstractEventLoop)
    return None


def module_member(module: ModuleType, name: str) -> Symbol:
    """Return what a name of a module stands for, without asking a module that makes names up."""
    if name in vars(module):
        return Known(vars(module)[name])
    if module.__name__ in LAZY_MODULES:
        return Known(getattr(module, name)) if hasattr(module, name) else None
    inner = sys.modules.get(f"{module.__name__}.{name}")
    return None if inner is None else Known(inner)


def _member(owner: object, name: str, receiver: Known | Instance) -> Symbol:
    """Return a member of a class, or of an object that is known, without running any code of it."""
    try:
        found = inspect.getattr_static(owner, name)
    except AttributeError:
        return None
    on_class = isinstance(owner, type) and isinstance(receiver, Known)
    if isinstance(found, staticmethod):
        return Known(cast("Any", found).__func__)
    if isinstance(found, classmethod):
        return Known(cast("Any", found).__func__, receiver)
    if isinstance(found, property):
        return None if on_class or found.fget is None else Known(found.fget, receiver)
    if isinstance(found, FunctionType):
        return Known(found, None if on_class else receiver)
    if isinstance(receiver, Instance) and not callable(found):
        return None  # an attribute of the class, which instances may hide
    return Known(found)


def plain_function(value: object) -> tuple[FunctionType, Symbol] | None:
    """Return the Python function behind a value, with its `self`; nothing if there is none."""
    receiver: Symbol = None
    for _ in range(WRAPPERS):
        if isinstance(value, FunctionType):
            return value, receiver
        if isinstance(value, MethodType):
            receiver, value = Known(value.__self__), value.__func__
            continue
        inner = value.func if isinstance(value, partial) else inspect.getattr_static(value, "__wrapped__", None)
        if inner is None:
            return None
        value = inner
    return None


WRAPPERS = 10
"""How many wrappers around a function are taken off: partials, caches, bound methods."""
