"""Type aliases of Python 3.12 and later (`type X = ...`), looked through wherever they stand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import pytest

from weft.codec import codec_for
from weft.errors import TypeCannotTravel

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="older Pythons have no `type` statement")

SOURCE = """
type Id = str
type Pay = Card | Transfer
type Ids = tuple[Id, ...]
type Counts = dict[Id, int]
type Loop = list[Loop] | None
type Wide = Wide | int
"""


@dataclass(frozen=True)
class Card:
    """Pay by card."""

    number: str


@dataclass(frozen=True)
class Transfer:
    """Pay by transfer."""

    iban: str


@pytest.fixture
def aliases() -> dict[str, Any]:
    """Return the aliases, which Python 3.11 could not even read."""
    names: dict[str, Any] = {"Card": Card, "Transfer": Transfer}
    exec(SOURCE, names)
    return names


def test_alias_travels_as_what_it_stands_for(aliases: dict[str, Any]) -> None:
    """Aliases of plain types, of containers and in keys change nothing."""
    assert codec_for(aliases["Ids"]).encode(("a",)) == b'["a"]'
    assert codec_for(aliases["Counts"]).decode(b'{"a":1}') == {"a": 1}


def test_union_behind_an_alias_is_one_union(aliases: dict[str, Any]) -> None:
    """The members of a union behind an alias are tagged together with those beside it."""
    codec = codec_for(aliases["Pay"] | None)

    assert codec.encode(Card("1")) == b'{"type":"Card","number":"1"}'
    assert codec.decode(b'{"type":"Transfer","iban":"DE1"}') == Transfer("DE1")


@pytest.mark.parametrize("name", ["Loop", "Wide"])
def test_alias_that_contains_itself_is_refused(aliases: dict[str, Any], name: str) -> None:
    """An alias has no end where it contains itself: only a class may."""
    with pytest.raises(TypeCannotTravel, match="the alias contains itself"):
        codec_for(aliases[name])
