"""How long and how wide things may be: rules about files, bodies and parameters."""

import ast
from collections.abc import Iterator

from tests.house.repository import AnyFunction, Source, type_of_function

FILE_LINES = 400
BODY_LINES = 50
TEST_BODY_LINES = 25
PARAMETERS = 7
POSITIONAL = 3


def long_files(source: Source) -> Iterator[str]:
    """Find a file that should be two."""
    if len(source.lines) > FILE_LINES:
        yield f"{source.path}: {len(source.lines)} lines (at most {FILE_LINES}): split it by ideas"


def long_bodies(source: Source) -> Iterator[str]:
    """Find functions whose body, without the docstring, is too long."""
    for function in source.functions():
        limit = TEST_BODY_LINES if is_test(function) else BODY_LINES
        if body_lines(function) > limit:
            yield (
                f"{source.at(function)}: the body of {function.name} has {body_lines(function)} lines (at most {limit})"
            )


def wide_signatures(source: Source) -> Iterator[str]:
    """Find functions with too many parameters, or too many that could be swapped by mistake."""
    methods = _methods(source.tree)
    for function in source.functions():
        total, positional = parameters(function, is_method=function in methods)
        if total > PARAMETERS:
            yield f"{source.at(function)}: {function.name} has {total} parameters (at most {PARAMETERS})"
        if positional > POSITIONAL and not _called_by_pytest(function):
            yield (
                f"{source.at(function)}: {function.name} has {positional} positional parameters "
                f"(at most {POSITIONAL}): put a * before those that could be swapped"
            )


def body_lines(function: AnyFunction) -> int:
    """Count lines from the first statement to the last, the docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: AnyFunction, *, is_method: bool) -> tuple[int, int]:
    """Count all parameters, and those that may be given by position; `self` and `cls` belong to the language."""
    given = function.args
    positional = len(given.posonlyargs) + len(given.args) - (1 if is_method else 0)
    return positional + len(given.kwonlyargs) + bool(given.vararg) + bool(given.kwarg), positional


def is_test(function: AnyFunction) -> bool:
    """Tell whether pytest runs this function."""
    return function.name.startswith("test_")


def _methods(tree: ast.Module) -> set[AnyFunction]:
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {
        node
        for each in classes
        for node in each.body
        if isinstance(node, type_of_function) and "staticmethod" not in decorators(node)
    }


def decorators(function: AnyFunction | ast.ClassDef) -> list[str]:
    """Return the decorators as written, calls without their arguments."""
    return [ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in function.decorator_list]


def _called_by_pytest(function: AnyFunction) -> bool:
    # fixtures are given by name, so they cannot be swapped
    return is_test(function) or any(name.endswith("fixture") for name in decorators(function))
