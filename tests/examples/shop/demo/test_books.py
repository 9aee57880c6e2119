"""The second books: whatever is wrong in the services' files is found, and the order is named."""

from __future__ import annotations

import ast
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from examples.shop.books.compare import Books, compare
from examples.shop.books.expected import read_file
from examples.shop.books.written import read_store
from tests.examples.shop.demo.conftest import ROOT, Demo, Ran

SHIPPED = "536365"
CANCEL = """
    UPDATE orders SET state = 'closed', ending = 'cancelled', total = NULL, tracking = NULL WHERE id = '536365'
"""


def books_of(store: Path, source: Path) -> Books:
    """Return the books of a store."""
    return compare(read_file(source), read_store(store), refusals=True)


@pytest.mark.parametrize(
    ("service", "statement", "about", "complaint"),
    [
        ("order", "DELETE FROM order_lines WHERE order_id = '536365'", SHIPPED, "lines are not those of the file"),
        ("order", "UPDATE orders SET id = 'x' WHERE id = '536365'", SHIPPED, "lost"),
        ("order", "UPDATE orders SET id = 'x' WHERE id = '536365'", "x", "not among the orders of the file"),
        (
            "order",
            "UPDATE orders SET state = 'confirmed', tracking = NULL WHERE id = '536365'",
            SHIPPED,
            "open for ever",
        ),
        ("order", CANCEL, SHIPPED, "the rules say 'shipped'"),
        ("inventory", "UPDATE holds SET state = 'held' WHERE order_id = '536365'", SHIPPED, "held for it for ever"),
        (
            "inventory",
            "UPDATE stock SET delivered = delivered + 1, available = available + 1 WHERE sku = '85123A'",
            "SKU 85123A",
            "the shelf says",
        ),
        ("payment", "UPDATE entries SET order_id = '536366' WHERE id = 'charge/536365'", "536366", "charged 2 times"),
        ("payment", "UPDATE entries SET amount = amount + 1 WHERE id = 'charge/536365'", SHIPPED, "sum to zero"),
        ("payment", "DELETE FROM postings WHERE entry = 'charge/536365' AND account = 'sales'", SHIPPED, "sum to zero"),
        ("payment", "UPDATE settlements SET refunded = 1 WHERE order_id = '536365'", SHIPPED, "summary differs"),
        (
            "payment",
            "INSERT INTO entries VALUES ('return/C1/536365', 'return', '536365', 'C1', 500)",
            "all orders",
            "charged - refunded",
        ),
        (
            "shipping",
            "UPDATE parcels SET state = 'booked' WHERE order_id = '536365'",
            SHIPPED,
            "its parcel is 'booked'",
        ),
        ("order", "UPDATE returns SET match = 'whole' WHERE match = 'none'", "C536379", "the file says 'none'"),
    ],
)
def test_every_wrong_is_found(
    finished: tuple[Path, Ran],
    small_file: Path,
    tmp_path: Path,
    service: str,
    statement: str,
    about: str,
    complaint: str,
) -> None:
    """A row that is changed behind the services' backs breaks the books, and the order is named."""
    store = shutil.copytree(finished[0], tmp_path / "store")
    with closing(sqlite3.connect(store / f"{service}.db", isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount > 0

    problems = books_of(store, small_file).problems

    assert complaint in "; ".join(problems.get(about, [])), problems


def test_untouched_books_balance(finished: tuple[Path, Ran], small_file: Path) -> None:
    """Nothing is found where nothing is wrong, and what came in is what was sold."""
    books = books_of(finished[0], small_file)

    assert books.balanced
    assert books.charged - books.refunded == books.confirmed - books.returned == sum(books.net.values())


def test_broken_books_end_the_demo_with_one(demo: Demo, finished: tuple[Path, Ran], tmp_path: Path) -> None:
    """The exit code says it, and the report names the order."""
    store = shutil.copytree(finished[0], tmp_path / "store")
    with closing(sqlite3.connect(store / "payment.db", isolation_level=None)) as connection:
        connection.execute("UPDATE settlements SET refunded = 1 WHERE order_id = '536365'")

    ran = demo(store)

    assert (ran.code, ran.found["books"], list(ran.found["problems"])) == (1, "broken", [SHIPPED])
    assert SHIPPED in ran.talk


def test_books_share_no_code_with_the_shop() -> None:
    """What imports the services would repeat their mistakes."""
    sources = (ROOT / "examples/shop/books").glob("*.py")

    imported = {
        name
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        for name in _modules(node)
        if name.split(".")[0] in {"weft", "examples", "sqlalchemy"}
    }

    assert {name.rpartition(".")[0] for name in imported} == {"examples.shop.books"}


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [str(node.module)] if isinstance(node, ast.ImportFrom) else []
