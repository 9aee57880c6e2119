"""Messages are found by their kind's name, and checked before a run takes them."""

from __future__ import annotations

import pytest

from weft.errors import ValueInvalid
from weft.flow.messages import check_message
from weft.model.message import Signal


class Approved(Signal):
    """A manager has decided."""

    by: str
    amount: int = 0


def test_a_message_that_its_kind_reads_is_let_pass() -> None:
    """Fields added later have defaults, and unknown ones are passed over."""
    check_message("Approved", b'{"by":"ada","since":"monday"}')


def test_a_message_that_no_class_of_its_kind_reads_is_refused() -> None:
    """A mistyped signal is the sender's error, not the run's."""
    with pytest.raises(ValueInvalid, match="amount"):
        check_message("Approved", b'{"by":"ada","amount":"much"}')


def test_a_message_of_a_kind_that_nobody_knows_is_let_pass() -> None:
    """The version of the workflow that receives it may not be loaded yet."""
    check_message("NeverDeclaredHere", b"{}")
