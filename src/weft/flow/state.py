"""State: what a run shows of itself, set inside and read outside."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from weft.codec import Codec, codec_for
from weft.flow.ambient import running

V = TypeVar("V")


class State(Generic[V]):
    """A named value that a run sets and everybody may read.

    Its type is that of the initial value; `kind` gives it where that does not say it all, as in
    `State("lines", (), kind=tuple[Line, ...])`.
    """

    __slots__ = ("codec", "initial", "name")

    def __init__(self, name: str, initial: V, *, kind: Any = None) -> None:
        self.name = name
        self.initial = initial
        self.codec: Codec[V] = codec_for(type(initial) if kind is None else kind)

    def set(self, value: V) -> None:
        """Show the value outside, once this step of the run is on disk."""
        running("State.set").set_state(self.name, self.codec.encode(value))
