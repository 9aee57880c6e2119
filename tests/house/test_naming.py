"""Names say what a thing is, and every public thing says what it is for."""

import pytest

from tests.house import naming
from tests.house.repository import Source, python_files, read, sample, tracked

FRONT_DOOR = "src/weft/__init__.py"


@pytest.mark.parametrize("source", python_files(), ids=lambda source: source.path)
def test_file_says_what_lives_there(source: Source) -> None:
    """The name and the first line of a file tell what it holds."""
    found = [*naming.empty_names(source), *naming.silent_files(source)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", python_files("src"), ids=lambda source: source.path)
def test_public_names_are_documented(source: Source) -> None:
    """Every public class, function, method and property has a docstring."""
    found = list(naming.silent_names(source))

    assert not found, "\n".join(found)


def test_front_door_holds_sorted_reexports_only() -> None:
    """`import weft` gives a sorted list of names, each from the room where it lives."""
    if FRONT_DOOR not in tracked():
        pytest.skip("the front door is not built yet")

    found = list(naming.disorder_at_the_front_door(read(FRONT_DOOR)))

    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["src/weft/utils.py", "src/weft/core/run.py", "tests/helpers/x.py"])
def test_empty_names_are_found(path: str) -> None:
    """A name that would fit any file is refused, for folders too."""
    assert list(naming.empty_names(sample("", path)))


@pytest.mark.parametrize(
    "text", ["", "import os\n", '"""no end"""\n', '\n"""Late."""\n', '"""Broken\nover two lines."""\n', "x = 'y'\n"]
)
def test_silent_files_are_found(text: str) -> None:
    """A file without a first line that is a sentence is refused."""
    assert list(naming.silent_files(sample(text)))


def test_silent_names_are_found_in_protocols_too() -> None:
    """Methods and properties of a documented class need docstrings of their own; private names do not."""
    text = '''class P(Protocol):
    """Be documented."""
    @property
    def silent(self) -> int: ...
    def mute(self) -> int: ...
    def _hidden(self) -> int: ...
    @overload
    def said(self, x: int) -> int: ...
'''

    found = list(naming.silent_names(sample(text)))

    assert [line.split(": ")[1].split()[0] for line in found] == ["P.silent", "P.mute"]


@pytest.mark.parametrize(
    "body",
    ['__all__ = ["b", "a"]\nfrom x import a, b', '__all__ = ["a"]\nfrom x import a, b', "from x import a\ny = 1"],
)
def test_disorder_at_the_front_door_is_found(body: str) -> None:
    """Unsorted, unlisted and additional things are refused."""
    assert list(naming.disorder_at_the_front_door(sample(f'"""Doc."""\n{body}\n')))
