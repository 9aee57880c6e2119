"""How often the garbage collector looks while a host works: seldom, since a run that ends leaves nothing for it."""

from __future__ import annotations

import gc

SELDOM = (50_000, 50, 100)
"""Containers made and not freed before the collector looks at the young ones; Python's own is 700, about 12 runs in
flight, and each look finds nothing: a run breaks its own circles when it leaves memory. With 256 runs at once this is
worth a tenth of the throughput. Whatever users' code leaves in circles is found later, and found."""


class RareCollections:
    """Makes the collector look seldom while any host of the process is open, and as before once none is.

    A collector that was switched off, or told to look more seldom still, is left as it is.
    """

    def __init__(self) -> None:
        self._open = 0
        self._before = (0, 0, 0)

    def __enter__(self) -> None:
        """Begin, or count one more host."""
        if self._open == 0:
            self._before = gc.get_threshold()
            young, *older = self._before
            if 0 < young < SELDOM[0]:
                gc.set_threshold(SELDOM[0], *map(max, older, SELDOM[1:]))
        self._open += 1

    def __exit__(self, *_: object) -> None:
        """Put back what was there, once the last host is closed."""
        self._open -= 1
        if self._open == 0:
            gc.set_threshold(*self._before)


rare_collections = RareCollections()
