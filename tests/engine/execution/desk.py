"""A service with an operation of each effect, and the messages that the workflows of these tests receive."""

from __future__ import annotations

from weft.codec import codec_for
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.message import Signal, Update
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service


class Taken(Declined):
    """Somebody else was first."""

    why: str


class Ping(Signal):
    """A message."""

    n: int


class Pong(Signal):
    """Another message."""

    n: int


class Bid(Update[int], raises=Taken):
    """A message with an answer."""

    n: int


class Desk(Service, name="desk"):
    """A desk where things are looked up, noted, reserved, charged and shipped; it is never reached."""

    @operation(read, raises=Taken)
    async def look(self, n: int) -> int:
        """Change nothing."""
        return n

    @operation(idempotent, raises=Taken)
    async def note(self, n: int) -> int:
        """Do the same when done twice."""
        return n

    @operation(idempotent)
    async def release(self, n: int) -> None:
        """Undo a reservation."""

    @operation(compensated_by(release), raises=Taken)
    async def reserve(self, n: int) -> int:
        """Do what can be undone."""
        return n

    @operation(idempotent)
    async def refund(self, n: int) -> None:
        """Undo a charge."""

    @operation(compensated_by(refund), raises=Taken)
    async def charge(self, n: int) -> int:
        """Do something else that can be undone."""
        return n

    @operation(irreversible, raises=Taken)
    async def ship(self, n: int) -> int:
        """Do what cannot be undone."""
        return n


ENCODED_TAKEN = codec_for(Taken).encode(Taken("somebody was first"))
