"""What tests of systems are written with: a world on a virtual clock, faults to order, crashes after every entry."""

from weft.testing.crash import crash_everywhere
from weft.testing.world import World

__all__ = ["World", "crash_everywhere"]
