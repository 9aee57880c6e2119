"""Read the file of invoices line by line: what does not parse is an error with its line, never a guess."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple, TextIO

from weft import InputInvalid

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
GZIP_MAGIC = b"\x1f\x8b"


REMEDY = f"the file is CSV, plain or gzip, in UTF-8, with the columns {', '.join(COLUMNS)}"


class InvoiceLine(NamedTuple):
    """One line of the file.

    Attributes:
        number: its line in the file, from 1, where the heading is; of a line over several lines the last.
        customer: empty for a guest.
        at: the file has no time zone; it is read as UTC.
    """

    number: int
    invoice: str
    sku: str
    description: str
    quantity: int
    at: datetime
    unit_price: Decimal
    customer: str
    country: str

    @property
    def is_sale(self) -> bool:
        """Tell whether it sells something: both its quantity and its price are above zero."""
        return self.quantity > 0 and self.unit_price > 0


def read_lines(path: Path) -> Iterator[InvoiceLine]:
    """Read a file, lazily.

    Raises:
        InputInvalid: The file cannot be read, or a line does not parse.
    """
    with _opened(path) as file:
        rows = csv.reader(file, strict=True)
        try:
            heading = next(rows, list[str]())
            if heading != COLUMNS:
                raise InputInvalid(f"the heading is {','.join(heading) or 'missing'}", where=f"{path}:1", remedy=REMEDY)
            for row in rows:
                yield _parse(row, path, rows.line_num)
        except csv.Error as error:
            raise InputInvalid(
                f"the line is not CSV: {error}", where=f"{path}:{rows.line_num}", remedy=REMEDY
            ) from error
        except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
            what = f"the file cannot be read to its end: {error}"
            raise InputInvalid(what, where=f"{path}:{rows.line_num + 1}", remedy=REMEDY) from error


@contextmanager
def _opened(path: Path) -> Generator[TextIO]:
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError as error:
        raise InputInvalid(f"the file cannot be opened: {error.strerror}", where=str(path), remedy=REMEDY) from error
    open_file = gzip.open if packed else open
    with open_file(path, "rt", encoding="utf-8", newline="") as file:
        yield file


def _parse(row: list[str], path: Path, number: int) -> InvoiceLine:
    where = f"{path}:{number}"
    if len(row) != len(COLUMNS):
        raise InputInvalid(f"the line has {len(row)} values, not {len(COLUMNS)}", where=where, remedy=REMEDY)
    invoice, sku, description, quantity, at, unit_price, customer, country = row
    if not invoice or not sku:
        raise InputInvalid("the line has no invoice or no stock code", where=where, remedy=REMEDY)
    return InvoiceLine(
        number,
        invoice,
        sku,
        description,
        _whole(quantity, where),
        _moment(at, where),
        _price(unit_price, where),
        customer,
        country,
    )


def _whole(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputInvalid(f"the quantity {text!r} is no whole number", where=where, remedy=REMEDY) from error


def _moment(text: str, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid(f"the date {text!r} is not like 2010-12-01 08:26:00", where=where, remedy=REMEDY) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _price(text: str, where: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise InputInvalid(f"the price {text!r} is no number", where=where, remedy=REMEDY) from error
    if not price.is_finite():
        raise InputInvalid(f"the price {text!r} is not finite", where=where, remedy=REMEDY)
    return price
