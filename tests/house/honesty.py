"""What a test may not do (mock, patch, really sleep) and what no file may do (import for types only)."""

import ast
from collections.abc import Iterator

from tests.house.limits import is_test
from tests.house.naming import is_sentence
from tests.house.repository import ROOT, AnyFunction, Source, type_of_function

MOCKS = ("unittest.mock", "mock", "pytest_mock")
PATCHES = frozenset({"monkeypatch.setattr", "monkeypatch.delattr"})
BLOCKING_SLEEP = "time.sleep"
SLEEPS = frozenset({"asyncio.sleep", "anyio.sleep", BLOCKING_SLEEP})
EXCUSE = "# real sleep: "  # and the reason, on the same line


def type_only_imports(source: Source) -> Iterator[str]:
    """Find uses of TYPE_CHECKING: a type-only import is still an arrow."""
    for node in ast.walk(source.tree):
        names = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}
        if getattr(node, names.get(type(node), ""), None) == "TYPE_" + "CHECKING":
            yield f"{source.at(node)}: a type-only import is still an arrow: import it for good"


def mocks(source: Source) -> Iterator[str]:
    """Find mocks and patches: tests use real parts."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                modules = [each.name for each in names]
            case ast.ImportFrom(module=str(module), names=names):
                modules = [module, *(f"{module}.{each.name}" for each in names)]
            case ast.Call(func=function) if ast.unparse(function) in PATCHES:
                modules = ["mock"]
            case ast.arg(arg="mocker"):
                modules = ["mock"]
            case _:
                continue
        if any(module.startswith(MOCKS) for module in modules):
            yield f"{source.at(node)}: no mocks, no patches: use the real part or a real double"


def real_sleep(source: Source) -> Iterator[str]:
    """Find waiting for real time: `time.sleep` anywhere, `asyncio.sleep` in a test itself (workflows sleep durably)."""
    for node, in_test in _calls(source.tree, in_test=False):
        name = ast.unparse(node.func)
        if name not in SLEEPS or (name != BLOCKING_SLEEP and not in_test):
            continue
        gives_way_only = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if not gives_way_only and EXCUSE not in source.lines[node.lineno - 1]:
            yield f"{source.at(node)}: a test waits for events, not for time (or says `{EXCUSE}why`)"


def _calls(node: ast.AST, *, in_test: bool) -> Iterator[tuple[ast.Call, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = in_test
        if isinstance(child, type_of_function):
            inside = is_test(child)  # a function inside a test is a workflow or an operation
        if isinstance(child, ast.Call):
            yield child, inside
        yield from _calls(child, in_test=inside)


def silent_tests(source: Source) -> Iterator[str]:
    """Find tests without their promise: one sentence, on one line."""
    for function in _tests(source):
        promise = ast.get_docstring(function)
        if promise is None or "\n" in promise.strip() or not is_sentence(promise):
            yield f"{source.at(function)}: {function.name} does not say its promise in a one-sentence docstring"


def _tests(source: Source) -> Iterator[AnyFunction]:
    yield from (function for function in source.functions() if is_test(function))


def deep_imports(source: Source, *, allowed: frozenset[str]) -> Iterator[str]:
    """Find imports of weft's rooms by something that may use its front doors only."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                modules = [each.name for each in names]
            case ast.ImportFrom(module="weft", names=names):
                modules = [f"weft.{each.name}" for each in names if _is_room(each.name)]
            case ast.ImportFrom(module=str(module)):
                modules = [module]
            case _:
                continue
        for module in modules:
            if module.split(".")[0] == "weft" and module not in allowed:
                yield f"{source.at(node)}: imports {module}; a user may import {', '.join(sorted(allowed))}"


def _is_room(name: str) -> bool:
    inside = ROOT / "src" / "weft" / name
    return inside.is_dir() or inside.with_suffix(".py").is_file()
