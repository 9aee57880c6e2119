"""Reading the file: lazily, plain or packed, and with the line where it does not parse."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from examples.shop.feed.lines import COLUMNS, read_lines
from weft import InputInvalid

HEADING = ",".join(COLUMNS)
GOOD = "536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom"


def write(folder: Path, *lines: str) -> Path:
    """Write lines under the heading."""
    path = folder / "invoices.csv"
    path.write_text("\n".join((HEADING, *lines)), encoding="utf-8")
    return path


def test_line_is_parsed(tmp_path: Path) -> None:
    """Each value has its type, and money is exact."""
    (line,) = read_lines(write(tmp_path, GOOD))

    assert (line.number, line.invoice, line.sku, line.quantity) == (2, "536365", "85123A", 6)
    assert (line.at, line.unit_price) == (datetime(2010, 12, 1, 8, 26, tzinfo=UTC), Decimal("2.55"))
    assert line.is_sale


def test_packed_file_is_the_same(tmp_path: Path) -> None:
    """A file may be packed with gzip, whatever its name."""
    plain = write(tmp_path, GOOD)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert list(read_lines(packed)) == list(read_lines(plain))


def test_file_is_read_lazily(tmp_path: Path) -> None:
    """Lines before a bad one are there before anybody looks at it."""
    path = write(tmp_path, GOOD, GOOD, "rubbish")

    assert len(list(islice(read_lines(path), 2))) == 2


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("rubbish", "has 1 values, not 8"),
        (GOOD.replace(",6,", ",six,"), "quantity 'six' is no whole number"),
        (GOOD.replace("2.55", "cheap"), "price 'cheap' is no number"),
        (GOOD.replace("2.55", "NaN"), "price 'NaN' is not finite"),
        (GOOD.replace("2010-12-01 08:26:00", "yesterday"), "date 'yesterday' is not like"),
        (GOOD.replace("536365", ""), "no invoice or no stock code"),
        (GOOD.replace("WHITE", '"WHITE'), "the line is not CSV"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    """What does not parse is refused with file and line, and with what to do."""
    path = write(tmp_path, GOOD, line)

    with pytest.raises(InputInvalid, match=complaint) as error:
        list(read_lines(path))

    assert error.value.where == f"{path}:3"
    assert "WEFT-E602" in str(error.value)
    assert "InvoiceNo" in str(error.value)


def test_other_heading_is_refused(tmp_path: Path) -> None:
    """A file of another form is no file of invoices."""
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")

    with pytest.raises(InputInvalid, match="heading is a,b"):
        list(read_lines(path))


@pytest.mark.parametrize("rest", [b"", b"\x1f\x8b\x08\x00cut off"])
def test_file_without_an_end_is_refused(tmp_path: Path, rest: bytes) -> None:
    """A file that is empty, missing or cut off is an error, never a short file."""
    path = tmp_path / "cut.gz"
    path.write_bytes(rest)

    with pytest.raises(InputInvalid):
        list(read_lines(path))
    with pytest.raises(InputInvalid, match="cannot be opened"):
        list(read_lines(tmp_path / "missing.csv"))
