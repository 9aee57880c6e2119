"""What a store remembers of its demo: what it was told to do, how far it came, and which orders are telling."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from hashlib import file_digest
from pathlib import Path

from examples.shop.demo.options import DATA, DEFAULT_FAULTS, DEFAULT_ORDERS, DEFAULT_SEED, Options

FILE = "demo.json"
LEFTOVERS = ("*.db", "*.db-wal", "*.db-shm", "*.lock", ".gitignore", FILE)
"""What a demo leaves in its store; `--fresh` removes this and nothing else."""


class StoreMismatch(Exception):
    """The store holds another demo than the one that is asked for."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A store's memory.

    Attributes:
        input: the file of invoices.
        digest: SHA-256 of it.
        orders: how many orders were asked for; zero for all.
        finished: how many orders, of those, have ended together with their returns; zero while none have.
        orders_per_s: the rate of the last process that finished them.
        telling: timelines of telling orders, by what they tell.
        repaired: ids of runs in which a lost reply was repaired.
    """

    input: str
    digest: str
    orders: int
    faults: float
    seed: int
    finished: int = 0
    orders_per_s: float = 0.0
    retries: int = 0
    telling: dict[str, str] = field(default_factory=dict[str, str])
    repaired: tuple[str, ...] = ()


def recall(options: Options) -> Memory:
    """Return what the store remembers, merged with what is asked for; nothing is written.

    Raises:
        StoreMismatch: The two contradict one another.
    """
    path = options.store / FILE
    if options.fresh:
        forget(options.store)
    if not path.exists():
        if any(options.store.glob("*.db")):
            raise StoreMismatch(f"{options.store} holds databases that are not the demo's: choose another --store")
        source = (options.input or DATA).absolute()
        return Memory(
            str(source),
            _digest(source),
            DEFAULT_ORDERS if options.orders is None else options.orders,
            DEFAULT_FAULTS if options.faults is None else options.faults,
            DEFAULT_SEED if options.seed is None else options.seed,
        )
    known = Memory(**json.loads(path.read_text(encoding="utf-8")))
    known = replace(known, repaired=tuple(known.repaired))
    if options.input is not None and _digest(options.input) != known.digest:
        raise StoreMismatch(_other(options.store, f"--input {known.input}"))
    for name in ("faults", "seed"):
        asked, had = getattr(options, name), getattr(known, name)
        if asked is not None and asked != had:
            raise StoreMismatch(_other(options.store, f"--{name} {had}"))
    return _with_orders(known, options.orders)


def _with_orders(known: Memory, asked: int | None) -> Memory:
    """Take more orders if more are asked for; fewer change nothing, since what is sold is sold."""
    if asked is None or known.orders == 0 or (asked and asked <= known.orders):
        return known
    return replace(known, orders=asked)


def remember(store: Path, memory: Memory) -> None:
    """Write the memory, whole or not at all."""
    store.mkdir(parents=True, exist_ok=True)
    (store / ".gitignore").write_text("*\n", encoding="utf-8")
    fresh = store / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(memory), indent=2), encoding="utf-8")
    fresh.replace(store / FILE)


def forget(store: Path) -> None:
    """Remove what a demo has left in a store.

    Raises:
        StoreMismatch: The folder holds something, and not a demo.
    """
    if not store.is_dir() or not any(store.iterdir()):
        return
    if not (store / FILE).exists():
        raise StoreMismatch(f"{store} is not empty and holds no demo: choose another --store")
    for pattern in LEFTOVERS:
        for path in store.glob(pattern):
            path.unlink()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreMismatch(f"{path} cannot be read: {error.strerror}") from error


def _other(store: Path, had: str) -> str:
    return f"{store} holds a demo with {had}: leave the option away to carry on, or begin anew with --fresh"
