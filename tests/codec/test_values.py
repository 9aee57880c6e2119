"""Plain values and containers: how they look on the wire, and that nothing is lost on the way."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from typing import Annotated, Any, Literal, NamedTuple, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.codec.zoo import Color, OrderId, Size
from weft.codec import codec_for, fingerprint
from weft.errors import TypeCannotTravel, ValueCannotTravel, ValueInvalid

EAST = timezone(timedelta(hours=8))

WIRE: list[tuple[Any, Any, str]] = [
    (None, None, "null"),
    (int, 2**64 + 1, "18446744073709551617"),
    (Decimal, Decimal("1.50"), '"1.50"'),
    (bytes, b"\x00\xff", '"AP8="'),
    (UUID, UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
    (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=EAST), '"2026-01-02T03:04:05.000006+08:00"'),
    (timedelta, timedelta(days=1, microseconds=1), '"P1DT0.000001S"'),
    (Color, Color.RED, '"red"'),
    (dict[Size, int], {Size.LARGE: 1, Size.SMALL: 2}, '{"1":2,"2":1}'),
    (dict[int, str], {10: "b", -9: "a"}, '{"-9":"a","10":"b"}'),
    (tuple[int, str], (1, "a"), '[1,"a"]'),
    (dict[str, tuple[OrderId, ...]], {"b": (), "a": (OrderId("o-1"),)}, '{"a":["o-1"],"b":[]}'),
    (Literal["a"] | None, None, "null"),
]


@pytest.mark.parametrize(("hint", "value", "text"), WIRE)
def test_value_on_the_wire(hint: Any, value: Any, text: str) -> None:
    """The bytes are the JSON that others would expect."""
    codec = codec_for(hint)

    assert codec.encode(value).decode() == text
    assert codec.decode(text.encode()) == value


def test_datetime_keeps_its_offset() -> None:
    """An aware datetime comes back with the offset it was sent with, not in UTC."""
    codec = codec_for(datetime)
    moment = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))

    back = codec.decode(codec.encode(moment))

    assert (back, back.utcoffset()) == (moment, timedelta(hours=8))


@pytest.mark.parametrize("offset", [timedelta(hours=8, seconds=43), timedelta(seconds=-1)])
def test_offset_with_seconds_is_refused(offset: timedelta) -> None:
    """An offset that RFC 3339 cannot write is refused, for rounding it would move the moment."""
    moment = datetime(1900, 1, 1, tzinfo=timezone(offset))

    with pytest.raises(ValueCannotTravel, match="whole minutes"):
        codec_for(datetime).encode(moment)


@pytest.mark.parametrize("hint", [datetime, list[datetime], dict[str, datetime | None]])
def test_naive_datetime_on_the_wire_is_invalid(hint: Any) -> None:
    """A datetime without a time zone is refused when it is read, too."""
    text = {datetime: '"{}"', list[datetime]: '["{}"]'}.get(hint, '{{"a": "{}"}}').format("2026-01-01T00:00:00")

    with pytest.raises(ValueInvalid, match=r"naive|timezone"):
        codec_for(hint).decode(text.encode())


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-inf"])
def test_decimal_that_is_not_finite_on_the_wire_is_invalid(text: str) -> None:
    """No amount from outside is NaN or infinite."""
    with pytest.raises(ValueInvalid, match="not finite"):
        codec_for(Decimal).decode(f'"{text}"'.encode())


def test_int_stands_in_for_a_float() -> None:
    """An int is sent where a float is declared, as type checkers allow, if a float can hold it."""
    codec = codec_for(float)

    assert codec.decode(codec.encode(3)) == 3.0
    for too_exact in (2**53 + 1, 10**400):
        with pytest.raises(ValueCannotTravel, match="more digits than a float holds"):
            codec.encode(too_exact)


def test_int_of_thousands_of_digits_is_refused() -> None:
    """An int past the interpreter's limit for turning ints into text is refused with its path."""
    with pytest.raises(ValueCannotTravel, match=r"\[1\]: it cannot be written as JSON"):
        codec_for(list[int]).encode([1, 10**5000])


def test_constraint_holds_on_both_ways() -> None:
    """A constraint refuses values from outside, and values that the other side would have to refuse."""
    codec = codec_for(Annotated[int, msgspec.Meta(ge=1)])

    with pytest.raises(ValueInvalid, match=">= 1"):
        codec.decode(b"0")
    with pytest.raises(ValueCannotTravel, match=">= 1"):
        codec.encode(0)


def test_constraint_on_a_container_leaves_what_is_inside() -> None:
    """A length constraint counts items and lets them be."""
    codec = codec_for(Annotated[tuple[Decimal, ...], msgspec.Meta(min_length=1)])

    assert codec.decode(codec.encode((Decimal("1.0"),))) == (Decimal("1.0"),)
    with pytest.raises(ValueCannotTravel, match="length >= 1"):
        codec.encode(())


class Point(NamedTuple):
    """A tuple with names, which JSON would forget."""

    x: int
    y: int


class Loud(str):
    """A string with more to it."""

    __slots__ = ()


SLICED: list[tuple[Any, Any]] = [
    (tuple[int, int], Point(1, 2)),
    (str, Loud("x")),
    (int, Size.SMALL),
    (dict[str, int], OrderedDict(a=1)),
    (list[str], [Loud("x")]),
]


@pytest.mark.parametrize(("hint", "value"), SLICED)
def test_subclass_is_not_sliced_in_silence(hint: Any, value: Any) -> None:
    """A value of a subclass would come back as less than it was, so it is refused."""
    with pytest.raises(ValueCannotTravel, match="is a subclass"):
        codec_for(hint).encode(value)


class Mixed(Enum):
    """An enum whose values are of two types."""

    ONE = 1
    TWO = "two"


class Rights(Flag):
    """A set of rights in an int."""

    READ = 1
    WRITE = 2


REFUSED: list[tuple[Any, str]] = [
    (set[int], "a set has no order"),
    (dict[str, frozenset[int]], "a set has no order"),
    (Any, "it says nothing about the value"),
    (tuple[object, ...], "it says nothing about the value"),
    (list, r"say what is in it: list\[\.\.\.\]"),
    (dict[tuple[int, int], str], "the keys of a dict are str, int or an enum"),
    (dict[str | int, str], "the keys of a dict are all of one type"),
    (Mixed, "all its values be strings, or all ints"),
    (Rights, "a flag is a set of members"),
    (Literal[True], "a Literal that travels"),
    (str | Decimal, "str-like"),
    (list[int] | tuple[int, ...], "array-like"),
    (NewType("Raw", complex), "neither a plain type"),
    ("Order", "a string that nobody resolved"),
    (Point, "neither a plain type"),
]


@pytest.mark.parametrize(("hint", "reason"), REFUSED)
def test_type_that_cannot_travel_says_why(hint: Any, reason: str) -> None:
    """The reason says what to write instead, or what is missing."""
    with pytest.raises(TypeCannotTravel, match=reason):
        codec_for(hint)


def test_error_shows_no_value() -> None:
    """What is refused may be secret: messages name classes and places."""
    with pytest.raises(ValueCannotTravel) as caught:
        codec_for(dict[str, list[int]]).encode({"pins": [1, "4321"]})

    assert "pins'][1]: str is given where int is declared" in str(caught.value)
    assert "4321" not in str(caught.value)


def test_codec_is_made_once() -> None:
    """A type has one codec, and equal types share it."""
    assert codec_for(dict[str, int]) is codec_for(dict[str, int])


def test_note_without_a_hash_is_no_obstacle() -> None:
    """A type with a note that cannot be a key is compiled anew, and works."""
    assert codec_for(Annotated[int, []]).decode(b"1") == 1


def test_fingerprint_stands_for_the_bytes() -> None:
    """Equal bytes have equal fingerprints of 32 characters; one bit more, and it is another."""
    assert fingerprint(b"") == fingerprint(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert fingerprint(b"a") != fingerprint(b"b")


def test_utc_is_written_short() -> None:
    """UTC is written as Z."""
    assert codec_for(datetime).encode(datetime(2026, 1, 1, tzinfo=UTC)) == b'"2026-01-01T00:00:00Z"'
