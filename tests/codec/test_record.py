"""The arguments of an operation: bound as a call binds them, read back by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from weft.codec import RecordCodec
from weft.errors import TypeCannotTravel, ValueCannotTravel, ValueInvalid


@dataclass(frozen=True)
class Line:
    """What is ordered, and how often."""

    sku: str
    count: int


CHARGE = RecordCodec({"order_id": str, "amount": Decimal, "note": str | None}, {"note": None})


def charge(order_id: str, amount: Decimal, note: str | None = None) -> dict[str, object]:
    """Return what a call binds: the codec must bind the same."""
    return {"order_id": order_id, "amount": amount, "note": note}


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("o", Decimal(1), "x"), {}),
    (("o", Decimal(1)), {}),
    (("o",), {"amount": Decimal(1)}),
    ((), {"amount": Decimal(1), "order_id": "o", "note": "x"}),
]

WRONG_CALLS: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((), {}, "missing 2 required arguments: 'order_id', 'amount'"),
    (("o",), {}, "missing 1 required argument: 'amount'"),
    (("o", Decimal(1), None, 4), {}, "takes 3 positional arguments but 4 were given"),
    (("o", Decimal(1)), {"order_id": "o"}, "got multiple values for argument 'order_id'"),
    (("o", Decimal(1)), {"amuont": Decimal(1)}, "got an unexpected keyword argument 'amuont'"),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_arguments_are_bound_as_by_a_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Positions, names and defaults end up where Python would put them."""
    encoded = CHARGE.encode_arguments(args, kwargs)

    assert CHARGE.decode(encoded) == charge(*args, **kwargs)


@pytest.mark.parametrize(("args", "kwargs", "message"), WRONG_CALLS)
def test_arguments_that_do_not_fit_are_a_type_error(args: Any, kwargs: Any, message: str) -> None:
    """What Python would refuse is refused in its words."""
    with pytest.raises(TypeError, match=message):
        CHARGE.encode_arguments(args, kwargs)
    with pytest.raises(TypeError):
        charge(*args, **kwargs)


def test_keys_are_in_declared_order() -> None:
    """The order of the keys is that of the parameters, whatever the order of the call."""
    encoded = CHARGE.encode({"note": "x", "amount": Decimal("1.0"), "order_id": "o"})

    assert encoded == b'{"order_id":"o","amount":"1.0","note":"x"}'
    assert CHARGE.names == ("order_id", "amount", "note")


def test_default_is_written_down() -> None:
    """What was recorded does not change when a default changes later."""
    later = RecordCodec({"order_id": str, "amount": Decimal, "note": str | None}, {"note": "changed"})

    encoded = CHARGE.encode_arguments(("o", Decimal(1)), {})

    assert later.decode(encoded)["note"] is None


def test_older_bytes_take_the_default_of_a_new_parameter() -> None:
    """A parameter added with a default reads what was written before it; unknown names are passed over."""
    newer = RecordCodec({"amount": Decimal, "tries": int, "order_id": str}, {"tries": 3})

    values = newer.decode(CHARGE.encode_arguments(("o", Decimal(1)), {}))

    assert values == {"amount": Decimal(1), "tries": 3, "order_id": "o"}


def test_missing_parameter_without_a_default_is_invalid() -> None:
    """Bytes without a parameter that has no default are refused, by its name."""
    with pytest.raises(ValueInvalid, match="amount"):
        CHARGE.decode(b'{"order_id":"o"}')


@pytest.mark.parametrize("data", [b"", b"[]", b'{"order_id":1', b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_record_are_invalid(data: bytes) -> None:
    """Bytes that are no JSON object are refused, however they are broken."""
    with pytest.raises(ValueInvalid):
        CHARGE.decode(data)


def test_path_starts_with_the_parameter() -> None:
    """A wrong value is found under the name of its parameter, on both ways."""
    codec = RecordCodec({"order_id": str, "lines": tuple[Line, ...], "at": datetime | None}, {"at": None})
    wrong: Any = "2"

    with pytest.raises(ValueCannotTravel, match=r"lines\[1\]\.count: str is given where int is declared"):
        codec.encode_arguments(("o", (Line("a", 1), Line("b", wrong))), {})
    with pytest.raises(ValueCannotTravel, match=r"lines\[0\]\.sku: it cannot be written as JSON"):
        codec.encode_arguments(("o", (Line("\ud800", 1),)), {})
    with pytest.raises(ValueInvalid, match=r"at: Expected `datetime` with a timezone"):
        codec.decode(b'{"order_id":"o","lines":[],"at":"2026-01-01T00:00:00"}')


def test_parameter_that_cannot_travel_is_refused_by_name() -> None:
    """A type that cannot travel is refused when the codec is made, under the parameter's name."""
    with pytest.raises(TypeCannotTravel, match=r"tags: set\[str\] cannot travel"):
        RecordCodec({"order_id": str, "tags": set[str]})
    with pytest.raises(TypeCannotTravel, match="note: str cannot travel: its default is not of the type"):
        RecordCodec({"note": str}, {"note": None})


def test_operation_without_parameters() -> None:
    """No parameters are an empty object."""
    codec = RecordCodec({})

    assert codec.encode_arguments((), {}) == b"{}"
    assert codec.decode(b"{}") == {}


def test_required_parameter_after_one_with_a_default() -> None:
    """A keyword-only parameter without a default may come after one with."""
    codec = RecordCodec({"a": int, "b": int, "c": int}, {"b": 2})

    encoded = codec.encode_arguments((1,), {"c": 3})

    assert encoded == b'{"a":1,"b":2,"c":3}'
    assert codec.decode(b'{"c":3,"a":1}') == {"a": 1, "b": 2, "c": 3}


def test_schema_describes_the_object() -> None:
    """The schema names the parameters and which of them are required."""
    schema: Any = CHARGE.schema()

    assert schema["$defs"]["Arguments"]["required"] == ["order_id", "amount"]
