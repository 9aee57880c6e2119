"""The laws of the codec, over types and values that nobody wrote by hand."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codec.zoo import Kind, decimals, kinds, optional, records, wrap, wrappings
from weft.codec import RecordCodec, codec_for
from weft.errors import TypeCannotTravel, ValueCannotTravel, ValueInvalid

REFUSED_TYPES: list[Any] = [set[int], frozenset[str], Any, object, complex, dict[float, int], dict[bool, int], list]
REFUSED_VALUES: list[tuple[Any, Any]] = [
    (float, float("nan")),
    (float, float("-inf")),
    (Decimal, Decimal("NaN")),
    (Decimal, Decimal("-Infinity")),
    (datetime, datetime(2026, 1, 1)),  # noqa: DTZ001 - naive on purpose
    (str, "\ud800"),
    (int, True),
    (int, 1.0),
    (int, "1"),
    (str, b"x"),
    (bytes, "eA=="),
    (UUID, "00000000-0000-0000-0000-000000000005"),
    (Decimal, "1.0"),
    (Decimal, 1),
    (datetime, datetime.now(UTC).date()),
    (tuple[int, ...], [1]),
    (list[int], (1,)),
    (tuple[int, int], (1,)),
    (dict[str, int], {1: 1}),
]


@given(kinds, st.data())
def test_value_comes_back_equal(kind: Kind, data: st.DataObject) -> None:
    """What was encoded decodes to an equal value of the same class."""
    codec = codec_for(kind.hint)
    value = data.draw(kind.values)

    back = codec.decode(codec.encode(value))

    assert back == value
    assert type(back) is type(value)


@given(kinds, st.data())
def test_bytes_are_the_same_each_time(kind: Kind, data: st.DataObject) -> None:
    """A value, and the value decoded from its bytes, have the same bytes."""
    codec = codec_for(kind.hint)
    value = data.draw(kind.values)

    encoded = codec.encode(value)

    assert codec.encode(value) == encoded
    assert codec.encode(codec.decode(encoded)) == encoded


@given(st.dictionaries(st.text(max_size=3), st.integers()), st.dictionaries(st.integers(), st.integers()))
def test_bytes_do_not_know_the_order_of_a_dict(by_text: dict[str, int], by_int: dict[int, int]) -> None:
    """Equal dicts are equal bytes, however they were filled."""
    turned_text = dict(reversed(by_text.items()))
    turned_int = dict(reversed(by_int.items()))

    codec = codec_for(tuple[dict[str, int], dict[int, int]])

    assert codec.encode((by_text, by_int)) == codec.encode((turned_text, turned_int))


@given(decimals)
def test_decimal_keeps_every_digit(value: Decimal) -> None:
    """A Decimal comes back with its sign, digits and exponent, trailing zeros included."""
    codec = codec_for(Decimal)

    assert codec.decode(codec.encode(value)).as_tuple() == value.as_tuple()


@given(records, st.data())
def test_unknown_field_is_ignored(kind: Kind, data: st.DataObject) -> None:
    """Bytes with a field that the type does not have decode to the value without it."""
    codec = codec_for(kind.hint)
    value = data.draw(kind.values)
    fields = json.loads(codec.encode(value))

    newer = json.dumps({"unknown": {"deep": [1]}, **fields, "also": None}).encode()

    assert codec.decode(newer) == value


@given(records, kinds, st.data())
def test_field_added_with_a_default_reads_old_bytes(kind: Kind, added: Kind, data: st.DataObject) -> None:
    """Bytes written before a field was there decode with its default."""
    value, default = data.draw(kind.values), data.draw(added.values)
    extra = ("added", added.hint, dataclasses.field(default_factory=lambda: default))
    newer = dataclasses.make_dataclass("Record", [extra], bases=(kind.hint,), frozen=True)
    old_bytes = codec_for(kind.hint).encode(value)

    back = codec_for(newer).decode(old_bytes)

    assert back.added == default
    assert codec_for(kind.hint).decode(codec_for(newer).encode(back)) == value


@given(records)
def test_field_added_without_a_default_refuses_old_bytes(kind: Kind) -> None:
    """Bytes without a field that has no default are invalid, and the message names the field."""
    with pytest.raises(ValueInvalid, match="field_0"):
        codec_for(kind.hint).decode(b"{}")


@given(st.sampled_from(REFUSED_TYPES), wrappings)
def test_type_that_cannot_travel_is_refused_at_any_depth(refused: Any, wrapping: list[Any]) -> None:
    """No container, record or union lets in a type that cannot travel."""
    wrapping = [each for each in wrapping if each[0] != "optional"]
    hint, _, _ = wrap(refused, None, [each for each in wrapping if each[0] != "record"])

    with pytest.raises(TypeCannotTravel):
        codec_for(hint)
    with pytest.raises(TypeCannotTravel, match=r"\.held"):
        codec_for(dataclasses.make_dataclass("Holder", [("held", hint)], frozen=True))


@given(st.sampled_from(REFUSED_VALUES), wrappings)
def test_value_that_cannot_travel_is_refused_at_any_depth(refused: tuple[Any, Any], wrapping: list[Any]) -> None:
    """A value that is not of its type is refused where it is sent, wherever it stands, and the path leads to it."""
    hint, value, path = wrap(*refused, wrapping)

    with pytest.raises(ValueCannotTravel) as caught:
        codec_for(hint).encode(value)

    at = caught.value.data["path"]
    assert isinstance(at, str)
    assert at.startswith(path)


@given(kinds, st.data())
def test_arguments_come_back_equal(kind: Kind, data: st.DataObject) -> None:
    """Arguments of any type come back by name, whether they were given by position or by name."""
    codec = RecordCodec({"first": kind.hint, "second": optional(kind).hint}, {"second": None})
    value = data.draw(kind.values)

    encoded = codec.encode_arguments((value,), {})

    assert encoded == codec.encode({"first": value}) == codec.encode_arguments((), {"second": None, "first": value})
    assert codec.decode(encoded) == {"first": value, "second": None}


@given(kinds, kinds, st.data())
def test_foreign_bytes_are_a_value_or_invalid(kind: Kind, foreign: Kind, data: st.DataObject) -> None:
    """Bytes written as another type decode to a value that can be sent on, or are invalid: there is nothing third."""
    codec = codec_for(kind.hint)
    encoded = codec_for(foreign.hint).encode(data.draw(foreign.values))

    with suppress(ValueInvalid):
        value = codec.decode(encoded)

        assert codec.decode(codec.encode(value)) == value


@given(kinds, st.binary(max_size=20) | st.text("[]{}\"':,0123456789.eE+-truefalsn ", max_size=20).map(str.encode))
def test_any_bytes_are_a_value_or_invalid(kind: Kind, encoded: bytes) -> None:
    """Bytes from anywhere raise nothing but ValueInvalid."""
    with suppress(ValueInvalid):
        codec_for(kind.hint).decode(encoded)


@given(kinds)
def test_every_type_has_a_schema(kind: Kind) -> None:
    """What travels can be described to others."""
    schema = codec_for(kind.hint).schema()

    assert json.loads(json.dumps(schema)) == schema
