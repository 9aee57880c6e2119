"""What things are called and what they say of themselves: rules about names and docstrings."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.house.limits import decorators
from tests.house.repository import Source, type_of_function

NAMES_OF_NOTHING = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager", "types"}
)
ENDS_OF_SENTENCE = (".", "?", "!")


def empty_names(source: Source) -> Iterator[str]:
    """Find files and folders whose name says nothing of what lives there."""
    path = PurePosixPath(source.path).with_suffix("")
    for part in path.parts:
        if part in NAMES_OF_NOTHING:
            yield f"{source.path}: `{part}` says nothing of what lives there: name the idea"


def silent_files(source: Source) -> Iterator[str]:
    """Find files whose first line does not say in one sentence what lives there."""
    first = source.lines[0] if source.lines else ""
    start = 2 if first.startswith("#!") else 1
    statement = source.tree.body[0] if source.tree.body else None
    if ast.get_docstring(source.tree) is None or statement is None or statement.lineno != start:
        yield f"{source.path}: the first line is not a docstring that says what lives there"
    elif not is_sentence(ast.get_docstring(source.tree) or ""):
        yield f"{source.path}: the first line is not one whole sentence"


def silent_names(source: Source) -> Iterator[str]:
    """Find public names without a docstring; what lives inside a function or a private class is not public."""
    yield from _silent_in(source, source.tree.body, prefix="")


def _silent_in(source: Source, body: list[ast.stmt], *, prefix: str) -> Iterator[str]:
    for node in body:
        if not isinstance(node, (*type_of_function, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not _says_nothing_new(node):
            yield f"{source.at(node)}: {prefix}{node.name} is public and has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from _silent_in(source, node.body, prefix=f"{prefix}{node.name}.")


def _says_nothing_new(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    # an overload and a setter belong to the function that has the docstring
    return any(name.endswith(("overload", ".setter", ".deleter")) for name in decorators(node))


def is_sentence(docstring: str) -> bool:
    """Tell whether the first line of a docstring is one whole sentence."""
    first, _, rest = docstring.partition("\n")
    return first.rstrip().endswith(ENDS_OF_SENTENCE) and (not rest or rest.startswith("\n"))


def disorder_at_the_front_door(source: Source) -> Iterator[str]:
    """Find what is in `weft/__init__.py` beside re-exports and a sorted `__all__` that names each of them."""
    imported: list[str] = []
    listed: list[str] = []
    for node in source.tree.body[1:]:
        match node:
            case ast.ImportFrom(names=names):
                imported += [each.asname or each.name for each in names]
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as value):
                listed = [each.value for each in value.elts if isinstance(each, ast.Constant)]  # type: ignore[misc]
            case _:
                yield f"{source.at(node)}: the front door holds re-exports and nothing else"
    if listed != sorted(listed):
        yield f"{source.path}: __all__ is not sorted"
    if difference := set(listed) ^ set(imported):
        yield f"{source.path}: imported but not in __all__, or the other way round: {sorted(difference)}"
