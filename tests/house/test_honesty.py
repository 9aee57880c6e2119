"""Tests use real parts and virtual time, say their promise, and users use front doors only."""

import pytest

from tests.house import honesty
from tests.house.repository import Source, python_files, sample

EXAMPLES_MAY_IMPORT = frozenset({"weft", "weft.data", "weft.testing"})
TESTS = tuple(
    source
    for source in python_files("tests", "examples", "benchmarks")
    if source.path.startswith("tests/") or source.name.startswith("test_")
)


@pytest.mark.parametrize("source", TESTS, ids=lambda source: source.path)
def test_tests_are_honest(source: Source) -> None:
    """A test mocks nothing, waits for no clock, and says in one sentence what it promises."""
    found = [*honesty.mocks(source), *honesty.real_sleep(source), *honesty.silent_tests(source)]

    assert not found, "\n".join(found)


def test_no_import_is_for_types_only() -> None:
    """Every import is an arrow that the contracts see and the interpreter takes."""
    found = [line for source in python_files() for line in honesty.type_only_imports(source)]

    assert not found, "\n".join(found)


def test_examples_use_front_doors_only() -> None:
    """What the examples show, every user can do: they import weft, weft.data and weft.testing only."""
    examples = python_files("examples")

    found = [line for source in examples for line in honesty.deep_imports(source, allowed=EXAMPLES_MAY_IMPORT)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import AsyncMock",
        "def test_x(mocker): ...",
        "def test_x(monkeypatch):\n    monkeypatch.setattr(weft, 'x', 1)",
    ],
)
def test_mocks_are_found(text: str) -> None:
    """Every usual way to mock or patch is refused; setting the environment is not."""
    assert list(honesty.mocks(sample(text)))
    assert not list(honesty.mocks(sample("def test_x(monkeypatch):\n    monkeypatch.setenv('X', '1')")))


@pytest.mark.parametrize(
    ("text", "offences"),
    [
        ("def wait():\n    time.sleep(0.1)", 1),
        ("def wait():\n    time.sleep(0.1)  # real sleep: another process is starting", 0),
        ("async def test_x():\n    await asyncio.sleep(1)", 1),
        ("async def test_x():\n    await asyncio.sleep(0)", 0),
        ("async def test_x():\n    async def program():\n        await asyncio.sleep(1)", 0),
        ("@workflow\nasync def program():\n    await asyncio.sleep(86400)", 0),
    ],
)
def test_real_sleep_is_found(text: str, offences: int) -> None:
    """Waiting for real time needs a reason; giving way and durable sleep do not."""
    assert len(list(honesty.real_sleep(sample(text)))) == offences


@pytest.mark.parametrize("docstring", ["", '"""No end"""', '"""One.\n\n    Two.\n    """'])
def test_silent_tests_are_found(docstring: str) -> None:
    """A test without exactly one sentence is refused."""
    assert list(honesty.silent_tests(sample(f"def test_x():\n    {docstring}\n    pass")))


def test_type_only_imports_are_found() -> None:
    """The flag is found as a name, as an attribute and in an import."""
    flag = "TYPE_" + "CHECKING"
    text = f"from typing import {flag}\nif {flag}: ...\nif typing.{flag}: ..."

    assert len(list(honesty.type_only_imports(sample(text)))) == len(text.splitlines())


@pytest.mark.parametrize("text", ["import weft.engine", "from weft.model.call import Call", "from weft import errors"])
def test_deep_imports_are_found(text: str) -> None:
    """Going around the front door is refused however it is written."""
    assert list(honesty.deep_imports(sample(text), allowed=EXAMPLES_MAY_IMPORT))
