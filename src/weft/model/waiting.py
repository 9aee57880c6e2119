"""Waits whose order no replay repeats: as_completed over bare coroutines, and sets of gathers; SEMANTICS.md 19."""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
from collections.abc import Iterator
from types import CodeType
from typing import Any

from weft.model.bytecode import nested_in
from weft.model.place import place_in
from weft.model.problem import NOT_DETERMINISTIC, Problem
from weft.model.reach import way_of
from weft.model.symbols import Names

AS_COMPLETED = "as_completed"
GATHER = "gather"
DISPLAYS = (ast.List, ast.Tuple, ast.Set)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


def judge_waiting(names: Names, path: tuple[str, ...]) -> Iterator[Problem]:
    """Find waits over futures that do not hash alike in every replay; source that cannot be read is passed over."""
    if not _loaded(names.code) & {AS_COMPLETED, GATHER}:
        return
    try:
        lines, first = inspect.getsourcelines(names.code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):
        return
    for node in ast.walk(tree):
        what, remedy = _fault(node, names)
        if what:
            where = place_in(names.code, first - 1 + getattr(node, "lineno", 1))
            yield Problem(where, f"workflow {path[0]} {what}{way_of(path)}", remedy, NOT_DETERMINISTIC)


def _fault(node: ast.AST, names: Names) -> tuple[str, str]:
    """Return what is wrong with a piece of syntax, and what to do."""
    if isinstance(node, ast.Call) and _is(node.func, AS_COMPLETED, names):
        waited_for = [item for argument in node.args[:1] for item in _items(argument)]
        if any(_is_coroutine(item, names) for item in waited_for):
            return "waits with as_completed over bare coroutines, which come in another order in a replay", TASKS
    if isinstance(node, ast.Set | ast.SetComp):
        calls = [item for item in _items(node) if isinstance(item, ast.Call)]
        if any(_is(call.func, GATHER, names) for call in calls):
            return "holds a set of gathers, which comes in another order in a replay", "hold them in a list or tuple"
    return "", ""


TASKS = "make tasks of them first: asyncio.create_task(...), or use asyncio.TaskGroup"


def _items(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, DISPLAYS):
        return node.elts
    return [node.elt] if isinstance(node, COMPREHENSIONS) else []


def _is_coroutine(node: ast.expr, names: Names) -> bool:
    """Tell whether an expression certainly makes a coroutine: it calls an async function, or a service."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.value.id in _services(names.code)
    return inspect.iscoroutinefunction(_resolve(called, names))


def _services(code: CodeType) -> tuple[str, ...]:
    """Return the keyword-only parameters of a workflow, which are its services."""
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def _is(node: ast.expr, name: str, names: Names) -> bool:
    return _resolve(node, names) is getattr(asyncio, name)


def _resolve(node: ast.expr, names: Names) -> Any:
    """Return the object that a global name, or an attribute of a global module, stands for."""
    if isinstance(node, ast.Name):
        return names.module.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = names.module.get(node.value.id)
        return vars(module).get(node.attr) if inspect.ismodule(module) else None
    return None


def _loaded(code: CodeType) -> frozenset[str]:
    return frozenset(code.co_names).union(*(_loaded(inner) for inner in nested_in(code)))
