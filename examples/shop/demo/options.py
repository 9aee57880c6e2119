"""What the demo may be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "online_retail_first8000.csv.gz"
DEFAULT_ORDERS = 6004
"""As many as end within about a minute on two cores; all orders of the file that is shipped."""
DEFAULT_FAULTS = 0.02
DEFAULT_SEED = 7


@dataclass(frozen=True, slots=True)
class Options:
    """What was said on the command line; nothing stands for what the store remembers, or else the default.

    Attributes:
        orders: how many orders of the file are taken; zero for all.
        input: the file of invoices.
        faults: which fraction of all attempts meets a fault.
        seed: decides which.
        crash_at: kill this process after so many commits of the engine; nothing for never.
        crash_at_reply: kill it after so many effects of services, each on disk, before the reply of the last one.
        store: the folder where everything is kept.
        fresh: forget what the store holds.
        as_json: end with one object on the last line of stdout.
    """

    orders: int | None = None
    input: Path | None = None
    faults: float | None = None
    seed: int | None = None
    crash_at: int | None = None
    crash_at_reply: int | None = None
    store: Path = Path(".demo")
    fresh: bool = False
    as_json: bool = False
