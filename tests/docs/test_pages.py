"""What the documentation shows works: the Python blocks of every page run, in order, in one namespace."""

import ast
import doctest
import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import blocks, module_of
from tests.house.repository import python_files, read, tracked

NAME = "page_of_documentation"
PAGES = [
    path
    for path in tracked()
    if path.endswith(".md") and path.startswith(("README", "docs/")) and module_of(read(path).text)
]
DOCSTRINGS = [
    source.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for source in python_files("src")
    if ">>> " in source.text
]


async def run_page(text: str, folder: Path) -> ModuleType:
    """Run a page as a module of its own; `await` is allowed at its top, and its tests are called at its end."""
    file = folder / f"{NAME}.py"
    file.write_text(module_of(text), encoding="utf-8")  # where a look at the source finds it
    module = sys.modules[NAME]
    module.__file__ = str(file)
    code = compile(file.read_text("utf-8"), str(file), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    await _finish(eval(code, vars(module)))
    for name, each in list(vars(module).items()):
        if name.startswith("test_") and callable(each):
            await _finish(each())
    return module


async def _finish(result: object) -> None:
    if inspect.isawaitable(result):
        await result


@pytest.fixture
def page_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a page an empty folder to stand in and a module to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, NAME, ModuleType(NAME))
    return tmp_path


@pytest.mark.parametrize("path", PAGES)
async def test_page_runs(path: str, page_folder: Path) -> None:
    """Every Python block of the page does what it says."""
    await run_page(read(path).text, page_folder)


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_examples_in_docstrings_run(name: str) -> None:
    """Every example in a docstring gives the result it shows."""
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0


async def test_page_may_await_and_is_found_by_its_source(page_folder: Path) -> None:
    """A page may await at its top, carries names from block to block, and its functions have a source."""
    first = "# T\n\n```python\nimport asyncio\n\ndef f():\n    return 7\n```\n"
    page = f"{first}text\n```python\nx = await asyncio.sleep(0, f())\n```\n"

    module = await run_page(page, page_folder)

    assert module.x == 7
    assert "return 7" in inspect.getsource(module.f)
    assert module.f.__code__.co_firstlineno == page.splitlines().index("def f():") + 1


async def test_page_calls_its_tests(page_folder: Path) -> None:
    """A test that a page shows is run like the others, and fails like them."""
    page = "```python\nasync def test_it() -> None:\n    raise KeyError('ran')\n```\n"

    with pytest.raises(KeyError, match="ran"):
        await run_page(page, page_folder)


def test_blocks_are_excused_with_a_reason_only() -> None:
    """A block is left out by a remark that says why; other languages are not run."""
    excused = "<!-- no-run: needs a server -->\n```python\nx = 1\n```\n"
    plain = "<!-- no-run: -->\n```python\nx = 1\n```\n"

    assert [block.excuse for block in blocks(excused)] == ["needs a server"]
    assert [block.excuse for block in blocks(plain)] == [""]
    assert not module_of(excused)
    assert not module_of("```console\n$ weft doctor\n```\n")
