"""Every rule of SEMANTICS.md has tests, and every test that the reference names exists."""

import re

import pytest

from tests.house.repository import read, tracked

SEMANTICS = "docs/reference/semantics.md"
PAGES = (SEMANTICS, "docs/reference/circumstances.md")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
RULE = re.compile(r"^(\d+)\. \*\*", re.MULTILINE)
LINE = re.compile(r"^\| (\d+) \|.*::", re.MULTILINE)


def missing(page: str) -> list[str]:
    """Return the tests that a page names and that are not there."""
    found: list[str] = []
    for file, name in NAMED.findall(page):
        path = f"tests/{file}"
        names = {node.name for node in read(path).functions()} if path in tracked() else set[str]()
        if name not in names:
            found.append(f"{path}::{name}")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_tests_that_are_named_exist(path: str) -> None:
    """A page of the reference names no test that is not there, and names some."""
    page = read(path).text

    assert missing(page) == []
    assert len(NAMED.findall(page)) > 50


def test_every_rule_has_a_test() -> None:
    """Each rule of SEMANTICS.md has its line, with tests."""
    rules = {int(number) for number in RULE.findall(read("SEMANTICS.md").text)}
    lines = {int(number) for number in LINE.findall(read(SEMANTICS).text)}

    assert rules == lines


def test_a_test_that_is_not_there_is_found() -> None:
    """A name that no test has is told, and so is a file that is none."""
    page = "| 1 | x | `docs/test_reference.py::test_nothing`<br>`nowhere.py::test_x` |"

    assert missing(page) == ["tests/docs/test_reference.py::test_nothing", "tests/nowhere.py::test_x"]
