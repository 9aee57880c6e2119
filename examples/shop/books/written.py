"""What the services wrote: their tables, read with nothing but the drivers. All money is in pennies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from examples.shop.books.places import Places

SERVICES = ("user", "catalog", "cart", "order", "inventory", "payment", "shipping", "notification")


@dataclass(frozen=True, slots=True)
class Stock:
    """Where the units of a SKU are."""

    delivered: int
    available: int
    held: int
    shipped: int
    returned: int


@dataclass(slots=True)
class Written:
    """Everything that the books are compared with.

    Attributes:
        endings: by order, `shipped`, how it was closed, or the state that it still is in.
        totals: by order that is confirmed, what it costs.
        lines: by order, its lines as (SKU, units, unit price), in their order.
        matches: by return that was decided, how it matched; `dropped` if the decision was taken back.
        shares: by return, what was accepted, as (order, SKU) to units.
        stock: by SKU.
        holds: by order, the state of what is held for it.
        parcels: by order, the state of its parcel.
        charged: by order, as the ledger's entries say; `charges` counts them.
        refunded: by order, as the ledger's entries say.
        settlements: by order, charged and refunded as the ledger's summary says.
        unbalanced: entries whose postings do not sum to zero, or not to their amount.
        undos: how many undos took something back.
    """

    endings: dict[str, str]
    totals: dict[str, int]
    lines: dict[str, list[tuple[str, int, str]]]
    matches: dict[str, str]
    shares: dict[str, Counter[tuple[str, str]]]
    stock: dict[str, Stock]
    holds: dict[str, str]
    parcels: dict[str, str]
    charged: Counter[str]
    charges: Counter[str]
    refunded: Counter[str]
    settlements: dict[str, tuple[int, int]]
    unbalanced: list[str]
    undos: int


def read_store(store: Path, servers: Mapping[str, str] | None = None) -> Written:
    """Read what all services have written.

    Args:
        store: the folder of their files.
        servers: URLs of the services whose databases are on a PostgreSQL server.

    Raises:
        FileNotFoundError: A file is missing.
        psycopg.Error: A server does not answer, or has no such table.
    """
    servers = servers or {}
    ask = Places(store, servers).ask
    lines: dict[str, list[tuple[str, int, str]]] = {}
    query = "SELECT order_id, sku, quantity, unit_price FROM order_lines ORDER BY order_id, number"
    for order, sku, quantity, price in ask("order", query):
        lines.setdefault(order, []).append((sku, quantity, price))
    shares: dict[str, Counter[tuple[str, str]]] = {}
    query = "SELECT return_id, order_id, sku, quantity FROM return_shares WHERE verdict = 'accepted'"
    for back, order, sku, quantity in ask("order", query):
        shares.setdefault(back, Counter())[order, sku] += quantity
    amounts = list(ask("payment", "SELECT kind, order_id, amount FROM entries"))
    order_query = "SELECT id, coalesce(ending, state) FROM orders"
    stock_query = "SELECT sku, delivered, available, held, shipped, returned FROM stock"
    return Written(
        endings=dict(ask("order", order_query)),
        totals=dict(ask("order", "SELECT id, total FROM orders WHERE total IS NOT NULL")),
        lines=lines,
        matches=dict(ask("order", "SELECT id, CASE state WHEN 'dropped' THEN state ELSE match END FROM returns")),
        shares=shares,
        stock={sku: Stock(*counts) for sku, *counts in ask("inventory", stock_query)},
        holds=dict(ask("inventory", "SELECT order_id, state FROM holds")),
        parcels=dict(ask("shipping", "SELECT order_id, state FROM parcels")),
        charged=_sum((order, amount) for kind, order, amount in amounts if kind == "charge"),
        charges=_sum((order, 1) for kind, order, _ in amounts if kind == "charge"),
        refunded=_sum((order, amount) for kind, order, amount in amounts if kind != "charge"),
        settlements={
            order: (charged, refunded)
            for order, charged, refunded in ask("payment", "SELECT order_id, charged, refunded FROM settlements")
        },
        unbalanced=[entry for (entry,) in ask("payment", UNBALANCED)],
        # Services that share a database share what it remembers of calls.
        undos=sum(next(ask(each, UNDOS))[0] for each in {servers.get(name, name): name for name in SERVICES}.values()),
    )


UNBALANCED = """
    SELECT entries.order_id FROM entries LEFT JOIN postings ON postings.entry = entries.id GROUP BY entries.id
    HAVING coalesce(sum(postings.amount), 0) <> 0 OR coalesce(sum(abs(postings.amount)), 0) <> 2 * entries.amount
"""

UNDOS = """
    SELECT count(*) FROM weft_barrier AS undo JOIN weft_barrier AS done USING (effect_id)
    WHERE undo.role = 'undo' AND undo.state = 'applied' AND done.role = 'operation' AND done.state = 'applied'
"""


def _sum(pairs: Iterator[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for key, amount in pairs:
        total[key] += amount
    return total
