"""Compare a shop's books from the command line: `python -m examples.shop.books STORE`; 1 if they are broken."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from examples.shop.books.compare import compare
from examples.shop.books.expected import read_file
from examples.shop.books.places import servers_named
from examples.shop.books.written import SERVICES, read_store

DATA = Path(__file__).parents[1] / "data" / "online_retail_first8000.csv.gz"


def main() -> int:
    """Compare and print the books."""
    parser = argparse.ArgumentParser(prog="python -m examples.shop.books", description=__doc__)
    parser.add_argument(
        "store", type=Path, help="the folder of the services' files; WEFT_SERVICES__NAME__DATABASE names servers"
    )
    parser.add_argument("--input", type=Path, default=DATA, help="the file of invoices (default: the one shipped)")
    parser.add_argument("--orders", type=int, help="how many orders of the file were taken (default: all)")
    parser.add_argument("--refusals", action="store_true", help="services may have declined what the rules allow")
    options = parser.parse_args()
    try:
        written = read_store(options.store, servers_named(SERVICES, environ=os.environ))
    except FileNotFoundError as error:
        print(f"there is no shop in {options.store}: {error} is missing", file=sys.stderr)
        return 2
    books = compare(read_file(options.input, orders=options.orders), written, refusals=options.refusals)
    print(json.dumps(books.as_json(), indent=2))
    return 0 if books.balanced else 1


if __name__ == "__main__":
    sys.exit(main())
