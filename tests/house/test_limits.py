"""Files, bodies and signatures stay small enough to be read at once."""

import pytest

from tests.house import limits
from tests.house.repository import Source, python_files, sample


@pytest.mark.parametrize("source", python_files(), ids=lambda source: source.path)
def test_file_stays_within_limits(source: Source) -> None:
    """No file, no function and no signature is too big."""
    found = [*limits.long_files(source), *limits.long_bodies(source), *limits.wide_signatures(source)]

    assert not found, "\n".join(found)


def test_long_files_are_found() -> None:
    """A file of 401 lines is one line too long."""
    assert not list(limits.long_files(sample("x = 1\n" * 400)))
    assert list(limits.long_files(sample("x = 1\n" * 401)))


def test_long_bodies_are_found_and_docstrings_are_free() -> None:
    """A body of 51 lines is too long; its docstring does not count."""
    head = 'def f():\n    """Say a lot.\n\n    More.\n    """\n'

    assert not list(limits.long_bodies(sample(head + "    x = 1\n" * 50)))
    assert list(limits.long_bodies(sample(head + "    x = 1\n" * 51)))


def test_long_tests_are_found_earlier() -> None:
    """A test has half the room of a function."""
    assert not list(limits.long_bodies(sample("def test_x():\n" + "    x = 1\n" * 25)))
    assert list(limits.long_bodies(sample("def test_x():\n" + "    x = 1\n" * 26)))


@pytest.mark.parametrize(
    ("signature", "offences"),
    [
        ("def f(a, b, c): ...", 0),
        ("def f(a, b, c, d): ...", 1),
        ("def f(a, b, c, *, d, e, g, h): ...", 0),
        ("def f(a, b, c, *, d, e, g, h, i): ...", 1),
        ("def f(a, b, c, d, *, e, g, h, i): ...", 2),
        ("class C:\n    def __init__(self, a, b, c): ...", 0),
        ("class C:\n    def __init__(self, a, b, c, d): ...", 1),
        ("class C:\n    @staticmethod\n    def f(a, b, c, d): ...", 1),
        ("def test_f(one, two, three, four): ...", 0),
        ("@pytest.fixture\ndef f(one, two, three, four): ...", 0),
    ],
)
def test_wide_signatures_are_found(signature: str, offences: int) -> None:
    """More than three positional or seven parameters are too many; self is free, and so are fixtures."""
    assert len(list(limits.wide_signatures(sample(signature)))) == offences
