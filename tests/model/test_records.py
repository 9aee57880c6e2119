"""Refusals and signals are records: their fields are given once, and they may be raised and sent as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import Declined, Signal
from weft.codec import codec_for


class OutOfStock(Declined):
    """Nothing of it is left."""

    sku: str
    left: int = 0


class Decision(Signal):
    """Somebody has decided."""

    approved: bool
    by: str = ""


class Reminder(Signal):
    """Somebody has asked again; it has no fields."""


@pytest.mark.parametrize(("record", "name"), [(OutOfStock("a"), "sku"), (Decision(approved=True), "by")])
def test_field_does_not_change(record: object, name: str) -> None:
    """What was decided stays as it was: a field is neither set again nor deleted."""
    for change in (lambda: setattr(record, name, "b"), lambda: delattr(record, name)):
        with pytest.raises(AttributeError, match="is a field and does not change"):
            change()


def test_refusal_carries_what_exceptions_carry() -> None:
    """A refusal passes through context managers, which set its traceback and notes."""
    refusal = OutOfStock("a")

    with pytest.raises(OutOfStock) as caught:
        raise refusal from ValueError("why")

    caught.value.add_note("in the third line")
    assert caught.value is refusal
    assert isinstance(refusal.__cause__, ValueError)
    assert str(refusal) == "sku='a', left=0"


@given(st.text(), st.integers(), st.text(), st.integers())
def test_records_are_equal_when_their_fields_are(one: str, left: int, other: str, right: int) -> None:
    """Two records are the same decision when class and fields are the same, whoever raised them."""
    first, second = OutOfStock(one, left), OutOfStock(other, right)

    assert (first == second) is ((one, left) == (other, right))
    assert first != Decision(approved=True, by=one)
    assert first == OutOfStock(one, left)
    assert hash(first) == hash(OutOfStock(one, left))


@pytest.mark.parametrize("record", [OutOfStock("a", left=3), Decision(approved=False, by="ada"), Reminder()])
def test_record_travels(record: object) -> None:
    """What arrives equals what was sent."""
    codec = codec_for(type(record))

    assert codec.decode(codec.encode(record)) == record
