"""What tests of systems are written with: a world on a virtual clock, faults to order, crashes after every commit."""

from weft.faults.plan import Plan
from weft.testing.crash import crash_everywhere
from weft.testing.histories import replay
from weft.testing.world import World

__all__ = ["Plan", "World", "crash_everywhere", "replay"]
