"""uuid4 and random: chance that is the same in every replay."""

from __future__ import annotations

from uuid import UUID

from weft.flow.ambient import running

DOUBLE_BITS = 53


def uuid4() -> UUID:
    """Return a UUID that is a function of the run's seed and of where in the workflow it is asked for."""
    return UUID(bytes=running("uuid4()").chance("uuid4"), version=4)


def random() -> float:
    """Return a uniform number in [0, 1) that is a function of the run's seed and of where it is asked for."""
    return (int.from_bytes(running("random()").chance("random")[:8]) >> (64 - DOUBLE_BITS)) * 2.0**-DOUBLE_BITS
